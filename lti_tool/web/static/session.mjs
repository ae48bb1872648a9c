// The session's token and the one way to ask the server. The launch put the token into this frame's storage.

const KEY = "peer-allocator-session";

/** The token, or null where there is none or storage is refused. */
export function token() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** fetch with the token; never sends it to another origin. */
export function ask(address, options = {}) {
  const url = new URL(address, location.href);
  if (url.origin !== location.origin) throw new Error("the session is for this tool only");
  const headers = new Headers(options.headers);
  headers.set("Authorization", `Bearer ${token()}`);
  return fetch(url, { ...options, headers, credentials: "omit", redirect: "error" });
}

const MOST_TURNS = 40;

/** The JSON that an address answers, or null when it could not be had. Asks again where Canvas is slow and the
 *  server says when to (503 with Retry-After). */
export async function askForJson(address, options = {}) {
  try {
    for (let turn = 0; turn < MOST_TURNS && !options.signal?.aborted; turn += 1) {
      const answer = await ask(address, { ...options, headers: { Accept: "application/json" } });
      const wait = Number(answer.headers.get("Retry-After"));
      if (answer.status !== 503 || !wait || (options.method ?? "GET") !== "GET") return answer.ok ? await answer.json() : null;
      await new Promise((resolve) => { setTimeout(resolve, 1_000 * wait); });
    }
  } catch {
    // nothing came
  }
  return null;
}
