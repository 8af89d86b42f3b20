package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestL11PINIsNoCard(t *testing.T) {
	pin, err := testSite.PINKey(1, "1234")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"1", "", "pin", "keypad-4"} {
		if testSite.Card(format, []byte("1234"), 32) == pin {
			t.Errorf("a card of format %q has the key of the PIN", format)
		}
	}
	if other, _ := testSite.PINKey(2, "1234"); other == pin {
		t.Error("the same digits of two persons have one key")
	}
	if other, _ := testSite.PINKey(1, "01234"); other == pin {
		t.Error("a leading zero does not count")
	}
	for _, bad := range []string{"", "123", "123456789", "12 4", "١٢٣٤", "-123"} {
		if _, err := testSite.PINKey(1, bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

func TestPINMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[0-9]{4,8}`).Draw(t, "PIN")
		want, err := testSite.PINKey(7, digits)
		if err != nil {
			t.Fatal(err)
		}
		typed := rapid.OneOf(rapid.Just(digits), rapid.StringMatching(`[0-9x]{0,9}`), rapid.Just(digits[:len(digits)-1]+"5"), rapid.Just(digits[:len(digits)-1]+":")).Draw(t, "typed")
		last := len(digits) - 1
		next := digits[:last] + string('0'+(digits[last]-'0'+1)%10)
		ok, duress := testSite.PIN(typed).match(7, want)
		if ok != (typed == digits || typed == next) || duress != (typed == next) {
			t.Fatalf("PIN %s, typed %s: ok %v, duress %v", digits, typed, ok, duress)
		}
		if ok, _ := testSite.PIN(typed).match(8, want); ok {
			t.Fatal("the PIN of another person")
		}
	})
}

func TestPINIsNeverPrinted(t *testing.T) {
	pin := testSite.PIN("4079")
	text, err := json.Marshal(Request{PIN: pin})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{string(text), fmt.Sprint(pin, *pin), fmt.Sprintf("%+v %#v %s %x", Request{PIN: pin}, *pin, pin, *pin)} {
		if strings.Contains(s, "4079") || strings.Contains(s, "34303739") {
			t.Errorf("%s shows the PIN", s)
		}
	}
}

func TestPersonOf(t *testing.T) {
	const one uint32 = 0xa39d2ca0 // stored in registers and on gateways
	if got := PersonOf("p_1"); got != one || got == PersonOf("p_2") || PersonOf("") == 0 {
		t.Errorf("p_1 is %#x, want %#x", got, one)
	}
}

func TestRolesOf(t *testing.T) {
	s := mustSnapshot(t, doorRules(), ruleEntries(t))
	roles := map[string]Roles{"ana": 0, "bora": Visitor, "who": Escort}
	s.RolesOf(roles)
	if roles["ana"] != Escort|FirstPerson || roles["bora"] != Exempt || roles["who"] != Escort || len(roles) != 3 {
		t.Errorf("%v", roles)
	}
	(*Snapshot)(nil).RolesOf(roles)
}
