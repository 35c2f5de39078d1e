"""One picture in every way in which these libraries send one, without a header that is set by hand."""

import asyncio
import sys

import aiohttp
import httpx
import requests

url, picture = f"http://{sys.argv[1]}/predict", sys.argv[2]
with open(picture, "rb") as file:
    content = file.read()
answers = []

answers.append(requests.post(url, data=content).json())
with open(picture, "rb") as file:
    answers.append(requests.post(url, data=file).json())
with open(picture, "rb") as file:
    answers.append(requests.post(url, files={"file": file}).json())
answers.append(requests.post(url, files=[("images", content)], data={"model": "cifar10", "comment": "a cat"}).json())
answers.append(requests.post(url, data=iter([content[:100], content[100:]])).json())

answers.append(httpx.post(url, content=content).json())
answers.append(httpx.post(url, files={"image[]": content}).json())


async def with_aiohttp():
    async with aiohttp.ClientSession() as session:
        with open(picture, "rb") as file, open(picture, "rb") as again:
            for body in [content, file, {"upload": again}]:
                async with session.post(url, data=body) as answer:
                    answers.append(await answer.json())


asyncio.run(with_aiohttp())
labels = {answer["predictions"][0]["label"] for answer in answers if "predictions" in answer}
if labels != {"cat"} or any("predictions" not in answer for answer in answers):
    sys.exit(f"{answers}")
print(len(answers))
