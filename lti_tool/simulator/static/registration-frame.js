// The page around a tool that registers itself: when the tool says that it is done, the frame is closed and the
// administrator reviews what was registered (LTI Dynamic Registration 1.0, 3.7).

const frame = document.getElementById("registration-frame");

window.addEventListener("message", (event) => {
  if (event.source === frame.contentWindow && event.data?.subject === "org.imsglobal.lti.close") {
    location.assign(frame.dataset.review);
  }
});
