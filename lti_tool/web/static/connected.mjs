// The window that went to Canvas has done its work; the frame behind it notices by itself.

document.getElementById("close").addEventListener("click", () => window.close());
setTimeout(() => window.close(), 1_500);
