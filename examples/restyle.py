"""Style transfer as a part of another program, with Python's standard library alone.

    STYLOGRAPH_URL=http://localhost:8080 STYLOGRAPH_API_KEY=stylo_... python3 examples/restyle.py seven.png out/

writes every label in the style of the picture as out/{label}.png, and the style itself as out/style.json.
"""

import base64
import json
import os
import pathlib
import sys
import time
import urllib.error
import urllib.request

MOST_TRIES = 5


class StylographError(Exception):
    """What the server refused; `code` is stable, `detail` names the remedy."""

    def __init__(self, status: int, code: str, detail: str):
        super().__init__(f"{code} ({status}): {detail}")
        self.status, self.code, self.detail = status, code, detail


class Stylograph:
    """A client of the calls that this example needs."""

    def __init__(self, url: str, key: str | None = None):
        self.url = url.rstrip("/")
        self.headers = {"accept": "application/json"}
        if key:
            self.headers["authorization"] = f"Bearer {key}"

    def call(self, method: str, path: str, body: object = None) -> dict:
        """Calls the API; waits and tries again while the server is busy (429, 503), as long as it says."""
        data = None if body is None else json.dumps(body).encode()
        headers = self.headers | ({} if body is None else {"content-type": "application/json"})
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        for tries_left in reversed(range(MOST_TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code in (429, 503) and tries_left > 0:
                    time.sleep(int(error.headers.get("retry-after", "1")))
                    continue
                problem = json.load(error)
                raise StylographError(error.code, problem["code"], problem["detail"]) from None
        raise AssertionError("unreachable")

    def style_transfer(self, picture: bytes, targets: list | None = None) -> dict:
        """Every label (or those of `targets`) in the style of a PNG, JPEG or WebP file."""
        body: dict = {"images": [{"png": base64.b64encode(picture).decode()}]}
        if targets is not None:
            body["targets"] = targets
        return self.call("POST", "/style-transfer", body)


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: restyle.py PICTURE FOLDER", file=sys.stderr)
        return 2
    picture, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    client = Stylograph(
        os.environ.get("STYLOGRAPH_URL", "http://localhost:8080"), os.environ.get("STYLOGRAPH_API_KEY")
    )
    try:
        answer = client.style_transfer(picture.read_bytes())
    except StylographError as error:
        print(f"restyle.py: {error}", file=sys.stderr)
        return 1
    [result] = answer["results"]
    folder.mkdir(parents=True, exist_ok=True)
    for image in result["images"]:
        (folder / f"{image['label']}.png").write_bytes(base64.b64decode(image["png"]))
    style = {"modelId": answer["modelId"], **result["source"]}
    (folder / "style.json").write_text(json.dumps(style, indent=2))
    print(f"{len(result['images'])} pictures in the style of a {style['label']} are in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
