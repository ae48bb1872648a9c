// The code after "#" becomes this tab's key to the administration, and leaves the address and the history.

const code = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

function keep() {
  try {
    sessionStorage.setItem("peer-allocator-session", code);
    return true;
  } catch {
    return false;
  }
}

if (/^[\w-]{20,64}$/.test(code) && keep()) {
  location.replace(document.querySelector("script[data-next]").dataset.next);
} else {
  document.getElementById("opening").hidden = true;
  const words = document.getElementById("no-code");
  words.hidden = false;
  words.querySelector("h1").focus();
}
