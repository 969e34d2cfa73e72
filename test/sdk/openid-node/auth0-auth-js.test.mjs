// Auth0's library for servers written in JavaScript.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthClient } from "@auth0/auth0-auth-js";
import { code, email, message, Person, phone, ready } from "./doorcode.mjs";

const auth = new AuthClient({ domain: ready.domain, clientId: ready.client_id, clientSecret: ready.client_secret });

test("a code by SMS", async () => {
	const phoneNumber = phone();
	await auth.passwordless.sendSms({ phoneNumber });
	const tokens = await auth.getTokenByPasswordlessSms({ phoneNumber, code: await code(phoneNumber), scope: "openid phone" });
	assert.equal(tokens.claims.phone_number, phoneNumber);
	await assert.rejects(auth.getTokenByPasswordlessSms({ phoneNumber, code: "000000" }), (e) => e.cause.error === "invalid_grant");
});

test("a code by e-mail, refreshed", async () => {
	const address = email();
	await auth.passwordless.sendEmail({ email: address, send: "code" });
	const tokens = await auth.getTokenByPasswordlessEmail({ email: address, code: await code(address), scope: "openid email offline_access" });
	assert.equal(tokens.claims.email, address);
	const again = await auth.getTokenByRefreshToken({ refreshToken: tokens.refreshToken });
	assert.ok(again.accessToken);
});

test("a link by e-mail", async () => {
	const address = email();
	await auth.passwordless.sendEmail({
		email: address,
		send: "link",
		authParams: { response_type: "code", redirect_uri: "http://localhost:3000/callback", scope: "openid email", state: "kept" },
	});
	const { link } = await message(address);
	assert.ok(link.startsWith(`${ready.url}/`), link);
	const left = await open(link);
	assert.equal(left.searchParams.get("state"), "kept");
	const tokens = await auth.getTokenByMagicLinkCode(left, { expectedState: "kept" });
	assert.equal(tokens.claims.email, address);
	assert.equal(tokens.claims.email_verified, true);
	const again = await open(link);
	assert.equal(again.searchParams.has("code"), false);
	await assert.rejects(auth.getTokenByMagicLinkCode(again, { expectedState: "kept" }), (e) => {
		assert.equal(e.cause.error, "unauthorized", e);
		return true;
	});
});

// open opens a link in a new browser, presses the button of its page, and returns
// where it leads to.
async function open(link) {
	const { left, status, text } = await new Person((url) => url.origin === "http://localhost:3000").go(link);
	assert.ok(left, `not sent back: ${status} ${text}`);
	assert.equal(left.origin + left.pathname, "http://localhost:3000/callback");
	return left;
}

test("a challenge, and the session it answers with", async () => {
	const phoneNumber = phone();
	const { authSession } = await auth.passwordless.challengeWithPhoneNumber({ phoneNumber, connection: "sms", allowSignup: true });
	const tokens = await auth.passwordless.getTokenByPasswordlessDbConnection({ authSession, otp: await code(phoneNumber), scope: "openid phone" });
	assert.equal(tokens.claims.phone_number, phoneNumber);
	await assert.rejects(auth.passwordless.getTokenByPasswordlessDbConnection({ authSession, otp: "000000" }), (e) => {
		assert.equal(e.cause?.error, "invalid_grant", e);
		assert.equal(e.statusCode, 403);
		return true;
	});
});
