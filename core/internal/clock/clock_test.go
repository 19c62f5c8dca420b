package clock

import (
	"testing"
	"time"
)

func TestWaiting(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	Enter()
	defer Leave()

	begin := time.Now()
	for time.Since(begin) < 2*time.Millisecond {
		w.Wait(2*time.Millisecond - time.Since(begin)) // it may end early, but must not spin for ever
	}

	w.Wake()
	w.Wake()
	w.Wait(Forever) // woken before: ends at once
	go w.Wake()
	w.Wait(time.Hour)

	begin = time.Now()
	w.Wait(5 * time.Millisecond) // two wakes before one wait count once
	if d := time.Since(begin); d < 4*time.Millisecond {
		t.Errorf("a wake that was waited for already ended a wait after %v", d)
	}
}

func TestAWakeAfterCloseIsNothing(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	w.Wake()
}
