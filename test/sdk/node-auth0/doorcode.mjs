// What the tests need to know of the server: its ready file, whose path is in
// DOORCODE_READY, and its outbox.
import { readFileSync } from "node:fs";

export const ready = JSON.parse(readFileSync(process.env.DOORCODE_READY, "utf8"));

let people = 0;

// phone returns a number that no other test has.
export const phone = () => `+99911${process.pid}${String(++people).padStart(2, "0")}`;

// email returns an address that no other test has.
export const email = () => `node-${process.pid}-${++people}@mail.example`;

// read has the id of the message that was read last, for each that it went to.
const read = new Map();

// code waits for a message to a number or address that was not read before.
export async function code(to) {
	const query = new URLSearchParams({ to, wait: "5s" });
	if (read.has(to)) query.set("since", read.get(to));
	const answer = await fetch(`${ready.outbox_url}/api/messages?${query}`);
	const { messages } = await answer.json();
	if (!messages?.length) throw new Error("no message has arrived");
	read.set(to, messages[0].id);
	return messages[0].code;
}
