"""Uses the service as any server of the Open Inference Protocol, by NVIDIA's client. Arguments: host:port, key, id of a model."""

import sys

import numpy as np
import tritonclient.http as triton

url, key, version = sys.argv[1:]
headers = {"Authorization": f"Bearer {key}"}
client = triton.InferenceServerClient(url=url)

assert client.is_server_live() and client.is_server_ready()
assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
assert client.is_model_ready("decoder", version, headers=headers)
described = client.get_model_metadata("decoder", version, headers=headers)
assert version in described["versions"], described


def tensor(name, values, binary):
    datatype = {"float32": "FP32", "int64": "INT64", "uint8": "UINT8"}[str(values.dtype)]
    given = triton.InferInput(name, list(values.shape), datatype)
    given.set_data_from_numpy(values, binary_data=binary)
    return given


def infer(model, inputs, outputs, binary=True):
    given = [tensor(name, values, binary) for name, values in inputs.items()]
    wanted = None if binary else [triton.InferRequestedOutput(name, binary_data=False) for name in outputs]
    # A copy, since the client adds the length of this call's JSON to what it is given.
    answer = client.infer(
        model, given, model_version=version, outputs=wanted, headers=dict(headers), request_id="7"
    )
    assert answer.get_response()["id"] == "7"
    return [answer.as_numpy(name) for name in outputs]


latent = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
label = np.array([0, 3, 9], dtype=np.int64)
[image] = infer("decoder", {"latent": latent, "label": label}, ["image"])
assert image.shape == (3, 28, 28, 1) and image.dtype == np.uint8 and image.max() > 0
[same] = infer("decoder", {"latent": latent, "label": label}, ["image"], binary=False)
assert (image == same).all()

outputs = ["mean", "log_var", "label"]
mean, log_var, used = infer("encoder", {"image": image, "label": label}, outputs)
assert mean.shape == log_var.shape == (3, 4) and mean.dtype == np.float32
assert (used == label).all()
for a, b in zip([mean, log_var, used], infer("encoder", {"image": image, "label": label}, outputs, binary=False)):
    np.testing.assert_array_equal(a, b)

try:
    infer("decoder", {"latent": latent[:, :2], "label": label}, ["image"])
    raise SystemExit("a latent that is too short was taken")
except triton.InferenceServerException as error:
    assert error.status() == "400" and "takes [-1,4]" in error.message(), error
print("all as it should be")
