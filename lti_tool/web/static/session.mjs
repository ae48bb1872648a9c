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

/** The JSON that an address answers, or null when it could not be had. */
export async function askForJson(address, options = {}) {
  try {
    const answer = await ask(address, { ...options, headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
