"""FastAPI + PyTorch under uvicorn: one decode a request, in the event loop, since handing 1 ms to a thread costs more.

One worker process a core and one PyTorch thread each: workers share no lock.

    python fastapi_server.py WEIGHTS PORT WORKERS THREADS
"""

import os
import sys

import torch
import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel

from decoder import encode_png, load_decoder

WEIGHTS, PORT, WORKERS, THREADS = sys.argv[1], *(int(word) for word in sys.argv[2:5])
torch.set_num_threads(THREADS)
app = FastAPI()
model = None


class Wish(BaseModel):
    latent: list[float]
    label: int


def answer(z: torch.Tensor, label: int) -> Response:
    with torch.inference_mode():
        pixels = model(z, torch.tensor([label]))[0]
    return Response(encode_png(pixels.numpy()), media_type="image/png")


@app.get("/generate")
async def generate(label: int, seed: int | None = None) -> Response:
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return answer(torch.randn(1, model.latent, generator=generator), label)


@app.post("/decode")
async def decode(wish: Wish) -> Response:
    return answer(torch.tensor([wish.latent]), wish.label)


@app.get("/health")
async def health() -> dict:
    return {"status": "ready"}


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    uvicorn.run(
        "fastapi_server:app",
        host="127.0.0.1",
        port=PORT,
        workers=WORKERS,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
else:
    # Each worker process loads and warms its own model.
    model = load_decoder(WEIGHTS)
    for _ in range(20):
        answer(torch.zeros(1, model.latent), 0)
