// Adds the events that come to the log while it is looked at.
import "./list.js";
import { poll } from "./poll.js";

const every = 500; // milliseconds from one answer to the next question
const most = 300; // rows
const batch = 5000; // milliseconds from one announcement to the next
const texts = { live: "Live", lost: "Not connected, trying again", out: "Signed out" };

const button = document.getElementById("pause");
const state = document.getElementById("live-state");
const seen = new Set();
let paused = false;
let fresh = 0;
let newest = "";
let asked = ""; // the search that is being answered

const section = () => document.querySelector("[data-tail]");

function known() {
	const here = section();
	if (here === null) {
		return;
	}
	newest = here.dataset.tail;
	seen.clear();
	for (const row of here.querySelectorAll("tr[data-id]")) {
		seen.add(row.dataset.id);
	}
}

// insert puts a row where its id belongs: ids sort by time.
function insert(rows, row) {
	for (const other of rows.children) {
		if (other.dataset.id < row.dataset.id) {
			other.before(row);
			return;
		}
	}
	rows.append(row);
}

function take(page) {
	if (paused || asked !== location.search || section() === null) {
		return true; // it is the answer to another question
	}
	const rows = document.getElementById("rows");
	for (const row of page.querySelectorAll("tr[data-id]")) {
		if (seen.has(row.dataset.id)) {
			continue;
		}
		seen.add(row.dataset.id);
		row.classList.add("new");
		insert(rows, row);
		fresh++;
		if (row.dataset.id > newest) {
			newest = row.dataset.id;
		}
	}
	while (rows.children.length > most) {
		rows.lastElementChild.remove();
	}
	if (rows.children.length > 0) {
		rows.parentElement.hidden = false;
		document.getElementById("nothing")?.remove();
	}
	return true;
}

// address is where what is newer is, or null while nothing is to come.
function address() {
	if (paused || section() === null) {
		return null;
	}
	asked = location.search;
	const url = new URL("/dashboard/logs/tail", location.href);
	url.search = asked;
	url.searchParams.set("after", newest);
	return url;
}

function tell(how) {
	if (!paused && state.textContent !== texts[how]) {
		state.textContent = texts[how];
	}
}

if (section() !== null) {
	known();
	document.addEventListener("swapped", known);
	button.hidden = false;
	button.addEventListener("click", () => {
		paused = !paused;
		button.textContent = paused ? "Go on" : "Pause";
		state.textContent = paused ? "Paused" : "Live";
	});
	setInterval(() => {
		if (fresh > 0) {
			document.getElementById("said").textContent = fresh === 1 ? "1 new event" : `${fresh} new events`;
			fresh = 0;
		}
	}, batch);
	poll({ every, address, take, tell });
}
