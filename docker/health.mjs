/** Health check of the image: exit code 0 when the server of this container is ready. Workers have no port. */
const port = process.env.PORT || 8080;
const answer = await fetch(`http://127.0.0.1:${port}/health/ready`).catch((error) => error);
if (answer.status !== 200) {
  console.error(answer instanceof Error ? answer.message : await answer.text());
  process.exitCode = 1;
}
