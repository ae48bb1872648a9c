// Buttons that copy what stands beside them: <button data-copy="id of the text">. Where the browser refuses the
// clipboard to a frame, the text is selected, so that the keyboard's copy does the rest.

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("button[data-copy]") : null;
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 2_000);
  } catch {
    getSelection().selectAllChildren(source);
  }
});
