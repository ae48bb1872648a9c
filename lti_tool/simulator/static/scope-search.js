// The search field above the scopes: a group is shown whole when its name fits, else its scopes that fit.

document.getElementById("search").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const group of document.querySelectorAll("[data-group]")) {
    const named = group.dataset.group.toLowerCase().includes(wanted);
    for (const row of group.querySelectorAll("[data-scope]")) {
      row.hidden = !named && !row.dataset.scope.toLowerCase().includes(wanted);
    }
    group.hidden = !group.querySelector("[data-scope]:not([hidden])");
  }
});
