// What the tests need to know of the server: its ready file, whose path is in
// DOORCODE_READY, and its outbox.
import { readFileSync } from "node:fs";

export const ready = JSON.parse(readFileSync(process.env.DOORCODE_READY, "utf8"));

let people = 0;

// phone returns a number that no other test has.
export const phone = () => `+99911${process.pid}${String(++people).padStart(2, "0")}`;

// email returns an address that no other test has.
export const email = () => `node-${process.pid}-${++people}@mail.example`;

// code waits for the newest message to a number or address.
export async function code(to) {
	const query = new URLSearchParams({ to, wait: "5s" });
	const answer = await fetch(`${ready.outbox_url}/api/messages?${query}`);
	const { messages } = await answer.json();
	if (!messages?.length) throw new Error("no message has arrived");
	return messages[0].code;
}
