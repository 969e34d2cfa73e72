// The secret of the link stands in the fragment. It goes into the form, and out
// of the address, so that it is in no history.
const secret = location.hash.slice(1);
if (secret !== "") {
	document.getElementById("secret").value = secret;
	document.getElementById("typed").hidden = true;
	history.replaceState(null, "", location.pathname);
}
