/** The image's health check: exit code 0 when the server of this container is ready. A worker has no port to ask. */
const port = process.env.PORT || 8080;
const answer = await fetch(`http://127.0.0.1:${port}/health/ready`).catch((error) => error);
if (answer.status !== 200) {
  console.error(answer instanceof Error ? answer.message : await answer.text());
  process.exitCode = 1;
}
