import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthenticationClient, UserInfoClient } from "auth0";
import { code, email, phone, ready } from "./doorcode.mjs";

const auth = new AuthenticationClient({
	domain: ready.domain,
	clientId: ready.client_id,
	clientSecret: ready.client_secret,
});

// claims reads an ID token that the SDK has verified: signature by the key in
// the JWKS, issuer, audience and times.
const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

test("sign in with a code by SMS", async () => {
	const phone_number = phone();
	const started = await auth.passwordless.sendSMS({ phone_number });
	assert.equal(started.status, 200);
	const { data } = await auth.passwordless.loginWithSMS({
		phone_number,
		code: await code(phone_number),
		scope: "openid profile phone offline_access",
	});
	assert.equal(data.token_type, "Bearer");
	assert.ok(data.access_token && data.refresh_token && data.expires_in > 0);
	const { sub, phone_number: told, aud } = claims(data.id_token);
	assert.match(sub, /^sms\|[0-9a-f]{24}$/);
	assert.equal(told, phone_number);
	assert.equal(aud, ready.client_id);

	const user = await new UserInfoClient({ domain: ready.domain }).getUserInfo(data.access_token);
	assert.equal(user.data.sub, sub);
});

test("sign in with a code by e-mail", async () => {
	const address = email();
	const started = await auth.passwordless.sendEmail({ email: address, send: "code" });
	assert.equal(started.status, 200);
	const { data } = await auth.passwordless.loginWithEmail({
		email: address,
		code: await code(address),
		scope: "openid email",
	});
	const { sub, email: told, email_verified } = claims(data.id_token);
	assert.match(sub, /^email\|[0-9a-f]{24}$/);
	assert.equal(told, address);
	assert.equal(email_verified, true);
	assert.equal(data.refresh_token, undefined);
});

test("a native application signs in without a secret", async () => {
	const native = new AuthenticationClient({ domain: ready.domain, clientId: ready.native_client_id, clientSecret: undefined });
	const phone_number = phone();
	// The SDK wants some proof of who the application is, unless it is told
	// that TLS gives it.
	const open = new AuthenticationClient({ domain: ready.domain, clientId: ready.native_client_id, useMTLS: true });
	await assert.rejects(native.passwordless.sendSMS({ phone_number }), /client_secret or client_assertion field is required/);
	await open.passwordless.sendSMS({ phone_number });
	const { data } = await open.passwordless.loginWithSMS({ phone_number, code: await code(phone_number), scope: "openid" });
	assert.equal(claims(data.id_token).aud, ready.native_client_id);
});

test("a wrong code is refused in the words that applications know", async () => {
	const phone_number = phone();
	await auth.passwordless.sendSMS({ phone_number });
	const right = await code(phone_number);
	const wrong = String((Number(right) + 1) % 1000000).padStart(6, "0");
	await assert.rejects(auth.passwordless.loginWithSMS({ phone_number, code: wrong }), (e) => {
		assert.equal(e.name, "AuthApiError");
		assert.equal(e.statusCode, 403);
		assert.equal(e.error, "invalid_grant");
		assert.equal(e.error_description, "Wrong phone number or verification code.");
		return true;
	});
});

test("a number that is none is refused", async () => {
	await assert.rejects(auth.passwordless.sendSMS({ phone_number: "07700900123" }), (e) => {
		assert.equal(e.statusCode, 400);
		assert.equal(e.error, "bad.phone_number");
		return true;
	});
});

test("a refresh token is used and revoked", async () => {
	const phone_number = phone();
	await auth.passwordless.sendSMS({ phone_number });
	const { data: first } = await auth.passwordless.loginWithSMS({
		phone_number,
		code: await code(phone_number),
		scope: "openid offline_access",
	});
	const { data: second } = await auth.oauth.refreshTokenGrant({ refresh_token: first.refresh_token });
	assert.equal(claims(second.id_token).sub, claims(first.id_token).sub);
	const token = second.refresh_token ?? first.refresh_token;
	const revoked = await auth.oauth.revokeRefreshToken({ token });
	assert.equal(revoked.status, 200);
	await assert.rejects(auth.oauth.refreshTokenGrant({ refresh_token: token }), (e) => {
		assert.equal(e.statusCode, 403);
		assert.equal(e.error, "invalid_grant");
		return true;
	});
});

test("an application gets a token for the Management API", async () => {
	const machine = new AuthenticationClient({
		domain: ready.domain,
		clientId: ready.management_client_id,
		clientSecret: ready.management_client_secret,
	});
	const { data } = await machine.oauth.clientCredentialsGrant({ audience: `https://${ready.domain}/api/v2/` });
	assert.equal(data.token_type, "Bearer");
	assert.match(data.scope, /read:connections/);
	assert.equal(data.refresh_token, undefined);
});
