// Talks to the command that serves this page; whatever fails becomes an Error with one sentence.

const TIMEOUT_MS = 30000;

async function answer(path, request) {
  let reply;
  try {
    reply = await fetch(path, { ...request, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Error("No answer: is `edge calibrate` still running in the terminal?");
  }
  const body = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(body.error ?? `The server answered ${reply.status}.`);
  return body;
}

export const ask = (path) => answer(path, {});

export const send = (path, body) => answer(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

let taken = 0;

/** Load a picture, never an old one. */
export async function pictureFrom(path) {
  const image = new Image();
  image.src = `${path}?${(taken += 1)}`;
  try {
    await image.decode();
  } catch {
    throw new Error("The picture does not load: is `edge calibrate` still running in the terminal?");
  }
  return image;
}
