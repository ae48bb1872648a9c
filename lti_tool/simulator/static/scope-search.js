// The search field above the scopes: hides those that do not contain what was typed.

document.getElementById("search").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const row of document.querySelectorAll("[data-scope]")) {
    row.hidden = !row.dataset.scope.toLowerCase().includes(wanted);
  }
  for (const group of document.querySelectorAll("[data-group]")) {
    group.hidden = !group.querySelector("[data-scope]:not([hidden])");
  }
});
