// Sends the one form of a page that exists only to be sent (launch and answer of the launch).
document.querySelector("form[data-submit-at-once]").submit();
