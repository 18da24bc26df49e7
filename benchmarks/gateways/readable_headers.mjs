// Loaded before Portkey 1.15.2, which adds headers to the answer that fetch gave it; those of a stream are read-only.
const fetched = globalThis.fetch;
globalThis.fetch = async (...asked) => {
  const answer = await fetched(...asked);
  if (!(answer.headers.get("content-type") ?? "").startsWith("text/event-stream")) return answer;
  return new Response(answer.body, { status: answer.status, headers: new Headers(answer.headers) });
};
