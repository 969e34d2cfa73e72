package tenant

// Fraud is what a connection does against people who have text messages sent
// for the money that numbers of theirs earn with each. The zero value does
// nothing: the verdict on a number is the provider's.
type Fraud struct {
	// Countries says where messages go to.
	Countries Countries
	// LineTypes refuses numbers that are not those of a telephone that people
	// have, except for the types in AllowTypes.
	LineTypes  bool
	AllowTypes []string
	// Sends is how many messages the connection sends.
	Sends Budget
	// NumbersAddress and NumbersNetwork are how many different numbers an
	// address, and its network, may ask for in an hour by the clock;
	// NumbersDevice is the same for a browser in a day. 0 is any number.
	NumbersAddress, NumbersNetwork, NumbersDevice int
	// Adaptive holds messages back where too few of their codes are used.
	Adaptive bool
}

// A Budget is how many messages are sent in an hour and in a day, by the clock
// in UTC; 0 is any number.
type Budget struct{ Hour, Day int }

// Countries are regions by their ISO 3166 codes, with "001" for numbers of no
// country (Auth0: country_codes). An empty List is all of them.
type Countries struct {
	Deny bool // the list is where messages do not go to
	List []string
}

// LineTypes are the types of lines that are no telephones, as AllowTypes names
// them.
func LineTypes() []string {
	return []string{
		"voip", "satellite", "premium_rate", "shared_cost", "toll_free", "uan", "voicemail", "pager", "personal_number", "invalid",
	}
}
