// Package main tells the booking story through Go's clients. See ../foreign/foreign-client.ts for the lines on stdout.
package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
)

type Resource struct {
	ID          string  `json:"id"`
	ParentID    *string `json:"parent_id"`
	Name        string  `json:"name"`
	Capacity    int64   `json:"capacity"`
	BufferAfter int64   `json:"buffer_after"`
}

type Rule struct {
	ID         string `json:"id"`
	ResourceID string `json:"resource_id"`
	Start      int64  `json:"start"`
	End        int64  `json:"end"`
	Blocking   bool   `json:"blocking"`
}

type Booking struct {
	ID         string  `json:"id"`
	ResourceID string  `json:"resource_id"`
	Start      int64   `json:"start"`
	End        int64   `json:"end"`
	Label      *string `json:"label"`
}

type Hold struct {
	ID         string `json:"id"`
	ResourceID string `json:"resource_id"`
	Start      int64  `json:"start"`
	End        int64  `json:"end"`
	ExpiresAt  int64  `json:"expires_at"`
}

type Run struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
}

type RoomRun struct {
	ResourceID string `json:"resource_id"`
	Start      int64  `json:"start"`
	End        int64  `json:"end"`
}

type DiaryEntry struct {
	Room  string  `json:"room"`
	Label *string `json:"label"`
	Start int64   `json:"start"`
	End   int64   `json:"end"`
}

type Conflict struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Story is what is told; the runner makes it.
type Story struct {
	House, Small, Large Resource
	Open, Cleaning      Rule
	Ada, Grace, Late    Booking
	Batch, BadBatch     []Booking
	Hold                Hold
	Interview           struct{ ID, Label string }
	Window              Run
	MinDuration         int64
	Never               Booking
	Moved               Run
	Channel             string
	Heard               int
}

// Outcome is what was seen.
type Outcome struct {
	Batch         []string          `json:"batch"`
	Conflict      Conflict          `json:"conflict"`
	Repeated      int64             `json:"repeated"`
	BadBatch      string            `json:"badBatch"`
	Interview     []RoomRun         `json:"interview"`
	HoldsLeft     int64             `json:"holdsLeft"`
	Free          []Run             `json:"free"`
	FreePerRoom   []RoomRun         `json:"freePerRoom"`
	FreeTogether  []Run             `json:"freeTogether"`
	Inside        int               `json:"inside"`
	AfterRollback int               `json:"afterRollback"`
	Heard         []json.RawMessage `json:"heard"`
	Diary         []DiaryEntry      `json:"diary"`
}

const (
	addResource  = `INSERT INTO resources (id, parent_id, name, capacity, buffer_after) VALUES ($1, $2, $3, $4, $5)`
	addRule      = `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ($1, $2, $3, $4, $5)`
	book         = `INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ($1, $2, $3, $4, $5)`
	bookOnce     = book + ` ON CONFLICT (id) DO NOTHING`
	placeHold    = `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ($1, $2, $3, $4, $5)`
	takeHold     = `INSERT INTO bookings (id, hold_id, label) VALUES ($1, $2, $3) RETURNING resource_id, start, "end"`
	countHolds   = `SELECT count(*) FROM holds WHERE resource_id = $1`
	free         = `SELECT start, "end" FROM availability WHERE resource_id = $1 AND start >= $2 AND "end" <= $3 AND min_duration = $4`
	freePerRoom  = `SELECT resource_id, start, "end" FROM availability WHERE resource_id = ANY($1) AND start >= $2 AND "end" <= $3 AND per_resource = true`
	freeTogether = `SELECT start, "end" FROM availability WHERE resource_id IN ($1, $2) AND start >= $3 AND "end" <= $4`
	look         = `SELECT id FROM bookings WHERE resource_id = $1 AND start = $2`
	cancel       = `DELETE FROM bookings WHERE id = $1`
	move         = `UPDATE bookings SET start = $1, "end" = $2 WHERE id = $3`
	diary        = `SELECT r.name, b.label, b.start, b."end" FROM bookings b JOIN resources r ON r.id = b.resource_id ORDER BY b.start, r.name`
)

func (b Booking) values() []any { return []any{b.ID, b.ResourceID, b.Start, b.End, b.Label} }

func (r Resource) values() []any {
	return []any{r.ID, r.ParentID, r.Name, max(r.Capacity, 1), r.BufferAfter}
}

func (r Rule) values() []any { return []any{r.ID, r.ResourceID, r.Start, r.End, r.Blocking} }

func (h Hold) values() []any { return []any{h.ID, h.ResourceID, h.Start, h.End, h.ExpiresAt} }

func readStory() Story {
	bytes, err := os.ReadFile(os.Getenv("STORY"))
	must(err)
	var story Story
	must(json.Unmarshal(bytes, &story))
	return story
}

// addressOf is the server's address, with a database of its own for each teller.
func addressOf(database string) string {
	address := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(os.Getenv("PGUSER"), os.Getenv("PGPASSWORD")),
		Host:     os.Getenv("PGHOST") + ":" + os.Getenv("PGPORT"),
		Path:     database,
		RawQuery: "sslmode=disable",
	}
	return address.String()
}

func say(teller string, outcome Outcome) {
	bytes, err := json.Marshal(outcome)
	must(err)
	fmt.Println("story", teller, string(bytes))
}

var failed = false

// attempt says that something went as it should, or shows why it did not.
func attempt(teller, what string, work func() error) {
	if err := work(); err != nil {
		failed = true
		fmt.Fprintf(os.Stderr, "-- %s: %s: %v\n", teller, what, err)
		return
	}
	fmt.Println("ok", teller, what)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func expect[T comparable](what string, got, wanted T) error {
	if got == wanted {
		return nil
	}
	return fmt.Errorf("%s is %v instead of %v", what, got, wanted)
}

// versionOf reads a module's version from go.mod.
func versionOf(module string) string {
	bytes, err := os.ReadFile("go.mod")
	must(err)
	for _, line := range strings.Split(string(bytes), "\n") {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && fields[0] == module {
			return strings.TrimPrefix(fields[1], "v")
		}
	}
	return "unknown"
}
