// Auth0's library for servers written in JavaScript.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthClient } from "@auth0/auth0-auth-js";
import { code, email, message, phone, ready } from "./doorcode.mjs";

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
});

test("a challenge, and the session it answers with", async () => {
	const phoneNumber = phone();
	const { authSession } = await auth.passwordless.challengeWithPhoneNumber({ phoneNumber, connection: "sms", allowSignup: true });
	const tokens = await auth.passwordless.getTokenByPasswordlessDbConnection({ authSession, otp: await code(phoneNumber), scope: "openid phone" });
	assert.equal(tokens.claims.phone_number, phoneNumber);
	await assert.rejects(auth.passwordless.getTokenByPasswordlessDbConnection({ authSession, otp: "000000" }));
});
