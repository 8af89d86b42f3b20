package reader

import (
	"slices"
	"time"
)

// most is how many cards a field remembers; more at a time, one after the other and within Away, push the oldest out.
const most = 4

// field knows which cards are in front of the reader and were told.
type field struct {
	cards   []shown
	crowded time.Time // when there were last several cards at once

	doubtful string // the UID of a card whose answers made no sense
	doubts   int
}

type shown struct {
	uid  string // of the anticollision
	told string // what was told of it
	last time.Time
}

// empty says that no card is there. What was seen within Away still counts as there.
func (f *field) empty(now time.Time) {
	f.forget(now)
	f.doubtful, f.doubts = "", 0
}

// forget drops the cards that are away.
func (f *field) forget(now time.Time) {
	f.cards = slices.DeleteFunc(f.cards, func(s shown) bool { return now.Sub(s.last) >= Away })
}

// several says that there is more than one card, each of which may be one that was told. It returns whether that is new.
func (f *field) several(now time.Time) bool {
	f.forget(now)
	f.hold(now)
	first := f.crowded.IsZero() || now.Sub(f.crowded) >= Away
	f.crowded = now
	return first
}

// hold lets all cards stay: nobody could look meanwhile.
func (f *field) hold(now time.Time) {
	for i := range f.cards {
		f.cards[i].last = now
	}
}

// shows says whether this card is there already.
func (f *field) shows(uid []byte, now time.Time) bool {
	f.forget(now)
	for i := range f.cards {
		if f.cards[i].uid == string(uid) {
			f.cards[i].last = now
			return true
		}
	}
	return false
}

// tell remembers a card that was read, and says whether it is to be told: not when the same was told of a card that is
// there already, under another random UID.
func (f *field) tell(uid []byte, told string, now time.Time) bool {
	f.doubtful, f.doubts = "", 0
	for i := range f.cards {
		if f.cards[i].told == told {
			f.cards[i].uid, f.cards[i].last = string(uid), now
			return false
		}
	}
	if len(f.cards) == most {
		f.cards = slices.Delete(f.cards, 0, 1)
	}
	f.cards = append(f.cards, shown{string(uid), told, now})
	return true
}

// giveUp counts the answers of a card that made no sense, and says whether there were too many.
func (f *field) giveUp(uid []byte) bool {
	if f.doubtful != string(uid) {
		f.doubtful, f.doubts = string(uid), 0
	}
	f.doubts++
	return f.doubts >= tries
}
