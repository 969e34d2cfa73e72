import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.htmlunit.BrowserVersion;
import org.htmlunit.Page;
import org.htmlunit.WebClient;
import org.htmlunit.html.HtmlElement;
import org.htmlunit.html.HtmlInput;
import org.htmlunit.html.HtmlPage;

/**
 * Signs people in on the login pages as the OpenID Foundation's conformance suite
 * does: it finds elements by id, types, clicks, and waits for the page of the
 * application. DOORCODE_AUTHORIZE is a request to /authorize, DOORCODE_OUTBOX where
 * messages arrive.
 */
public final class SignIn {
	private static final String AUTHORIZE = System.getenv("DOORCODE_AUTHORIZE");
	private static final String OUTBOX = System.getenv("DOORCODE_OUTBOX");

	/** The newest message to each person that was read. */
	private static final Map<String, String> READ = new HashMap<>();

	private SignIn() {
	}

	public static void main(String[] args) throws Exception {
		for (boolean scripts : new boolean[] {true, false}) {
			try (WebClient browser = browser(scripts)) {
				String who = scripts ? "1" : "2";
				signIn(browser, "&connection=sms", "+44770090036" + who);
				signIn(browser, "&connection=email", "htmlunit" + who + "@mail.example");
				again(browser, "+44770090036" + who);
			}
			System.out.println("signed in " + (scripts ? "with" : "without") + " scripts");
		}
		try (WebClient browser = browser(true)) {
			formPost(browser);
			refused(browser);
		}
		System.out.println("all is well");
	}

	private static WebClient browser(boolean scripts) {
		WebClient browser = new WebClient(BrowserVersion.CHROME);
		browser.getOptions().setUseInsecureSSL(true); // the suite trusts any certificate
		browser.getOptions().setJavaScriptEnabled(scripts);
		browser.getOptions().setThrowExceptionOnScriptError(false);
		browser.getOptions().setThrowExceptionOnFailingStatusCode(false);
		browser.addRequestHeader("Accept-Language", "en");
		return browser;
	}

	/** A whole sign-in, with one wrong code on the way. */
	private static void signIn(WebClient browser, String more, String to) throws Exception {
		HtmlPage page = browser.getPage(AUTHORIZE + "&response_mode=query" + more);
		page = identify(page, to);
		page = type(page, "code", "000000");
		check(page.getElementById("error") != null, "a wrong code is told beside the field", page);
		page = type(page, "code", code(to));
		arrived(page);
	}

	/** With a session the pages do not come; prompt=login brings them back. */
	private static void again(WebClient browser, String number) throws Exception {
		arrived(browser.getPage(AUTHORIZE + "&response_mode=query"));
		HtmlPage page = browser.getPage(AUTHORIZE + "&response_mode=query&prompt=login");
		check(page.getUrl().getPath().equals("/u/login/identifier"), "prompt=login asks", page);
		page = identify(page, number);
		arrived(type(page, "code", code(number)));
	}

	/** The answer by form, which a script of ours sends. */
	private static void formPost(WebClient browser) throws Exception {
		String number = "+447700900363";
		HtmlPage page = identify(browser.getPage(AUTHORIZE + "&response_mode=form_post"), number);
		type(page, "code", code(number));
		browser.waitForBackgroundJavaScript(5000);
		HtmlPage at = (HtmlPage) browser.getCurrentWindow().getEnclosedPage();
		arrived(at);
		check(at.getElementById("method").getTextContent().equals("POST"), "the answer comes by POST", at);
	}

	/** An address that is not the application's gets an error page, and nothing else. */
	private static void refused(WebClient browser) throws Exception {
		HtmlPage page = browser.getPage(AUTHORIZE.replaceAll("redirect_uri=[^&]*", "redirect_uri=https%3A%2F%2Fevil.example%2F"));
		int status = page.getWebResponse().getStatusCode();
		check(status >= 400 && status < 500, "status " + status, page);
		check(page.asNormalizedText().toLowerCase().contains("redirect_uri")
			|| page.asNormalizedText().toLowerCase().contains("callback"), "the page says why", page);
	}

	private static HtmlPage identify(HtmlPage page, String to) throws IOException {
		check(page.getUrl().getPath().equals("/u/login/identifier"), "the first step has its own address", page);
		page = type(page, "username", to);
		check(page.getUrl().getPath().startsWith("/u/login/passwordless-"), "the second step has its own address", page);
		return page;
	}

	/** Clears a field, types into it and clicks the button with the id "continue". */
	private static HtmlPage type(HtmlPage page, String field, String text) throws IOException {
		HtmlInput input = (HtmlInput) page.getElementById(field);
		check(input != null, "there is a field " + field, page);
		input.setValue("");
		input.type(text);
		Page next = ((HtmlElement) page.getElementById("continue")).click();
		return (HtmlPage) next;
	}

	private static void arrived(HtmlPage page) {
		check(page.getElementById("submission_complete") != null, "the application has an answer", page);
		check(page.getElementById("code").getTextContent().length() > 20, "it is a code", page);
		check(page.getElementById("state").getTextContent().equals("af0ifjsldkj"), "the state is as it was", page);
	}

	/** The code that was sent to somebody since the last one that was read. */
	private static String code(String to) throws IOException {
		String query = "to=" + URLEncoder.encode(to, StandardCharsets.UTF_8) + "&wait=5s";
		if (READ.containsKey(to)) {
			query += "&since=" + READ.get(to);
		}
		try (WebClient reader = browser(false)) {
			String list = reader.getPage(OUTBOX + "/api/messages?" + query).getWebResponse().getContentAsString();
			READ.put(to, member(list, "id", "[^\"]+"));
			return member(list, "code", "[0-9]+");
		}
	}

	/** A member of the first object of a list in JSON. */
	private static String member(String list, String name, String value) {
		Matcher found = Pattern.compile("\"" + name + "\"\\s*:\\s*\"(" + value + ")\"").matcher(list);
		if (!found.find()) {
			throw new IllegalStateException("no message has arrived");
		}
		return found.group(1);
	}

	private static void check(boolean holds, String what, HtmlPage page) {
		if (!holds) {
			throw new IllegalStateException("not so: " + what + "; at " + page.getUrl() + "\n" + page.asNormalizedText());
		}
	}
}
