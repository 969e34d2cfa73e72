package awstest

import (
	"net/http"
	"testing"
	"time"
)

// The first is a published one (botocore, aws4_testsuite,
// post-x-www-form-urlencoded), the second a request to SNS.
func TestSignature(t *testing.T) {
	tests := []struct {
		request           Request
		signed            []string
		scope, date, want string
	}{
		{
			Request{Method: "POST", Host: "example.amazonaws.com", URI: "/", Body: "Param1=value1", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
			[]string{"content-type", "host", "x-amz-date"},
			"20150830/us-east-1/service/aws4_request", "20150830T123600Z", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		},
		{
			Request{
				Method: "POST", Host: "sns.eu-west-1.amazonaws.com", URI: "/", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
				Body: "Action=Publish&Message=123456%20is%20your%20code&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=Transactional&PhoneNumber=%2B15551234567&Version=2010-03-31",
			},
			[]string{"content-type", "host", "x-amz-date"},
			"20260101/eu-west-1/sns/aws4_request", "20260101T000000Z", "4be8fcf83368caa4040fdab39fd197fbb1bc564b4c54e28865e6f28b466acdbf",
		},
	}
	for _, tt := range tests {
		tt.request.Header.Set("X-Amz-Date", tt.date)
		if got := Signature(tt.request, tt.signed, tt.scope); got != tt.want {
			t.Errorf("signature %s, want %s", got, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const good = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/sns/aws4_request, SignedHeaders=host;x-amz-date, Signature="
	request := func(auth string) Request {
		return Request{
			Method: "POST", Host: "sns.eu-west-1.amazonaws.com", URI: "/", Body: "a=b",
			Header: http.Header{"Authorization": {auth}, "X-Amz-Date": {"20260101T000000Z"}},
		}
	}
	signature := Signature(request(""), []string{"host", "x-amz-date"}, "20260101/eu-west-1/sns/aws4_request")
	changed := request(good + signature)
	changed.Body = "a=c"
	elsewhere := request(good + signature)
	elsewhere.Host = "sns.us-east-1.amazonaws.com"
	for _, tt := range []struct {
		name   string
		r      Request
		region string
		now    time.Time
		want   string
	}{
		{"a good one", request(good + signature), "eu-west-1", now, ""},
		{"another body", changed, "eu-west-1", now, "SignatureDoesNotMatch"},
		{"another host", elsewhere, "eu-west-1", now, "SignatureDoesNotMatch"},
		{"another region", request(good + signature), "us-east-1", now, "SignatureDoesNotMatch"},
		{"too late", request(good + signature), "eu-west-1", now.Add(16 * time.Minute), "RequestExpired"},
		{"none", request(""), "eu-west-1", now, "MissingAuthenticationToken"},
		{"half of one", request(good), "eu-west-1", now, "IncompleteSignature"},
		{"an unknown key", request("AWS4-HMAC-SHA256 Credential=AKX/20260101/eu-west-1/sns/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + signature), "eu-west-1", now, "InvalidClientTokenId"},
	} {
		if got := Check(tt.r, "sns", tt.region, tt.now); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
