// Tells Canvas that the registration is done (LTI Dynamic Registration 1.0, 3.7): it closes this page.
// Its origin is not certain yet, and the message says nothing, so it is addressed to whoever is around.

document.getElementById("close").addEventListener("click", () => {
  (window.opener ?? window.parent).postMessage({ subject: "org.imsglobal.lti.close" }, "*");
  setTimeout(() => { document.getElementById("still-open").hidden = false; }, 1_500);
});
