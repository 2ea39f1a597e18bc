"""LitServe + PyTorch with LitServe's own batching, its faster queue, and an HTTP process a core.

    python litserve_server.py WEIGHTS PORT API_SERVERS THREADS MAX_BATCH BATCH_TIMEOUT_MS
"""

import os
import sys

import litserve as ls
import torch
from fastapi import Response

from decoder import encode_png, load_decoder

WEIGHTS = os.path.abspath(sys.argv[1])
PORT, API_SERVERS, THREADS, MAX_BATCH = (int(word) for word in sys.argv[2:6])
BATCH_TIMEOUT = float(sys.argv[6]) / 1000


class DecoderAPI(ls.LitAPI):
    def setup(self, device):
        torch.set_num_threads(THREADS)
        self.model = load_decoder(WEIGHTS)
        for size in (1, 2, 4, 8, 16, 32):
            self.predict(self.batch([self.decode_request({"label": 0})] * size))

    def decode_request(self, request):
        latent = request.get("latent")
        if latent is not None:
            return torch.tensor(latent), request["label"]
        seed = request.get("seed")
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return torch.randn(self.model.latent, generator=generator), request["label"]

    def batch(self, inputs):
        latents, labels = zip(*inputs)
        return torch.stack(latents), torch.tensor(labels)

    def predict(self, batch):
        with torch.inference_mode():
            return self.model(*batch).numpy()

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return Response(encode_png(output), media_type="image/png")


if __name__ == "__main__":
    api = DecoderAPI(max_batch_size=MAX_BATCH, batch_timeout=BATCH_TIMEOUT)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=PORT,
        num_api_servers=API_SERVERS,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
