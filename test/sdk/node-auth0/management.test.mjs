import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthenticationClient, ManagementClient } from "auth0";
import { code, phone, ready } from "./doorcode.mjs";

const management = new ManagementClient({
	domain: ready.domain,
	clientId: ready.management_client_id,
	clientSecret: ready.management_client_secret,
});

// all reads every page of a list.
async function all(list) {
	const items = [];
	for await (const item of await list) items.push(item);
	return items;
}

test("connections are listed, read and changed", async () => {
	const listed = await all(management.connections.list());
	const sms = listed.find((c) => c.name === "sms");
	assert.ok(sms, "there is no connection sms");
	assert.equal(sms.strategy, "sms");

	const before = await management.connections.get(sms.id);
	assert.equal(before.name, "sms");
	const after = await management.connections.update(sms.id, { options: { request_language: "nl-NL" } });
	assert.equal(after.options.request_language, "nl-NL");
	// One option is set and the others stay.
	assert.deepEqual(after.options.totp, before.options.totp);
	assert.deepEqual((await management.connections.get(sms.id)).options, { ...before.options, request_language: "nl-NL" });
	await management.connections.update(sms.id, { options: { request_language: null } });
	assert.deepEqual((await management.connections.get(sms.id)).options.totp, before.options.totp);
});

test("an unknown connection is not found", async () => {
	await assert.rejects(management.connections.get("con_0000000000000000"), (e) => {
		assert.equal(e.statusCode, 404);
		assert.equal(e.body.error, "Not Found");
		return true;
	});
});

test("an application is read", async () => {
	const client = await management.clients.get(ready.client_id);
	assert.equal(client.client_id, ready.client_id);
	assert.equal(client.app_type, "regular_web");
	const listed = await all(management.clients.list({ per_page: 2 }));
	assert.ok(listed.some((c) => c.client_id === ready.client_id));
	assert.ok(listed.some((c) => c.client_id === ready.native_client_id));
});

test("an application is made, changed and deleted", async () => {
	const made = await management.clients.create({ name: "Made by node", app_type: "regular_web" });
	assert.match(made.client_id, /^[0-9A-Za-z]{32}$/);
	assert.ok(made.client_secret);
	const changed = await management.clients.update(made.client_id, { name: "Renamed by node" });
	assert.equal(changed.name, "Renamed by node");
	await management.clients.delete(made.client_id);
	await assert.rejects(management.clients.get(made.client_id), (e) => e.statusCode === 404);
});

test("a user who signed in is read, and the log tells of it", async () => {
	const auth = new AuthenticationClient({
		domain: ready.domain,
		clientId: ready.client_id,
		clientSecret: ready.client_secret,
	});
	const phone_number = phone();
	await auth.passwordless.sendSMS({ phone_number });
	const { data } = await auth.passwordless.loginWithSMS({ phone_number, code: await code(phone_number), scope: "openid" });
	const { sub } = JSON.parse(Buffer.from(data.id_token.split(".")[1], "base64url"));

	const user = await management.users.get(sub);
	assert.equal(user.user_id, sub);
	assert.equal(user.phone_number, phone_number);
	assert.equal(user.phone_verified, true);
	assert.equal(user.identities[0].connection, "sms");
	assert.equal(user.logins_count, 1);

	const page = await management.logs.list({ per_page: 100, sort: "date:-1" });
	const events = page.data.filter((e) => e.user_id === sub);
	assert.ok(events.some((e) => e.type === "s"), "no log event of a sign-in");
	const read = await management.logs.get(events[0].log_id);
	assert.equal(read.type, events[0].type);
});
