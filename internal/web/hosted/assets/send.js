// Sends the answer that the page has in it: as a message to the application that
// opened or framed the page, or as a form.
(function () {
	"use strict";
	var data = document.getElementById("message");
	if (!data) {
		document.forms[0].submit();
		return;
	}
	var message = JSON.parse(data.textContent);
	// The target is the origin of the application's own address: a message for
	// it reaches nobody else, whoever has framed or opened this page.
	(window.opener || window.parent).postMessage(
		{ type: "authorization_response", response: message.response }, message.target);
})();
