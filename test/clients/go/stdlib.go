package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"
)

// collect reads all rows of a query by database/sql.
func collect[T any](rows *sql.Rows, err error, fields func(*T) []any) []T {
	must(err)
	defer rows.Close()
	var all []T
	for rows.Next() {
		var one T
		must(rows.Scan(fields(&one)...))
		all = append(all, one)
	}
	must(rows.Err())
	return all
}

func runFields(r *Run) []any          { return []any{&r.Start, &r.End} }
func roomFields(r *RoomRun) []any     { return []any{&r.ResourceID, &r.Start, &r.End} }
func diaryFields(d *DiaryEntry) []any { return []any{&d.Room, &d.Label, &d.Start, &d.End} }
func idFields(id *string) []any       { return []any{id} }

func codeOfEither(err error) Conflict {
	var refused *pq.Error
	if errors.As(err, &refused) {
		return Conflict{string(refused.Code), refused.Message}
	}
	return codeOf(err)
}

// tellStandard tells the story by database/sql, over a driver of that name.
func tellStandard(teller, driver string, story Story) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	db, err := sql.Open(driver, addressOf(teller))
	must(err)
	defer db.Close()
	exec := func(statement string, arguments ...any) sql.Result {
		result, err := db.ExecContext(ctx, statement, arguments...)
		must(err)
		return result
	}
	exec("INSERT INTO resources (id, name) VALUES ($1, $2)", story.House.ID, story.House.Name)
	for _, room := range []Resource{story.Small, story.Large} {
		exec(addResource, room.values()...)
	}
	for _, rule := range []Rule{story.Open, story.Cleaning} {
		exec(addRule, rule.values()...)
	}

	var outcome Outcome
	inTransaction(ctx, db, func(tx *sql.Tx) error {
		prepared, err := tx.PrepareContext(ctx, book+" RETURNING id")
		must(err)
		for _, booking := range story.Batch {
			var id string
			must(prepared.QueryRowContext(ctx, booking.values()...).Scan(&id))
			outcome.Batch = append(outcome.Batch, id)
		}
		return nil
	})
	_, err = db.ExecContext(ctx, book, story.Late.values()...)
	outcome.Conflict = codeOfEither(err)
	outcome.Repeated, err = exec(bookOnce, story.Ada.values()...).RowsAffected()
	must(err)
	outcome.BadBatch = codeOfEither(inTransaction(ctx, db, func(tx *sql.Tx) error {
		for _, booking := range story.BadBatch {
			if _, err := tx.ExecContext(ctx, book, booking.values()...); err != nil {
				return err
			}
		}
		return nil
	})).Code
	exec(placeHold, story.Hold.values()...)
	rows, err := db.QueryContext(ctx, takeHold, story.Interview.ID, story.Hold.ID, story.Interview.Label)
	outcome.Interview = collect(rows, err, roomFields)
	must(db.QueryRowContext(ctx, countHolds, story.Small.ID).Scan(&outcome.HoldsLeft))

	window := story.Window
	rows, err = db.QueryContext(ctx, free, story.Small.ID, window.Start, window.End, story.MinDuration)
	outcome.Free = collect(rows, err, runFields)
	rows, err = db.QueryContext(ctx, freePerRoom, pq.Array([]string{story.Small.ID, story.Large.ID}), window.Start, window.End)
	outcome.FreePerRoom = collect(rows, err, roomFields)
	rows, err = db.QueryContext(ctx, freeTogether, story.Small.ID, story.Large.ID, window.Start, window.End)
	outcome.FreeTogether = collect(rows, err, runFields)

	listener := pq.NewListener(addressOf(teller), time.Second, time.Minute, nil)
	defer listener.Close()
	must(listener.Listen(story.Channel))
	_ = inTransaction(ctx, db, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, book, story.Never.values()...)
		must(err)
		rows, err := tx.QueryContext(ctx, look, story.Never.ResourceID, story.Never.Start)
		outcome.Inside = len(collect(rows, err, idFields))
		return errChangedMyMind
	})
	rows, err = db.QueryContext(ctx, look, story.Never.ResourceID, story.Never.Start)
	outcome.AfterRollback = len(collect(rows, err, idFields))
	exec(cancel, story.Ada.ID)
	exec(move, story.Moved.Start, story.Moved.End, story.Grace.ID)
	for range story.Heard {
		select {
		case notification := <-listener.Notify:
			outcome.Heard = append(outcome.Heard, json.RawMessage(notification.Extra))
		case <-ctx.Done():
			panic("no notification came")
		}
	}
	rows, err = db.QueryContext(ctx, diary)
	outcome.Diary = collect(rows, err, diaryFields)
	say(teller, outcome)
}

func inTransaction(ctx context.Context, db *sql.DB, work func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	must(err)
	if err := work(tx); err != nil {
		must(tx.Rollback())
		return err
	}
	return tx.Commit()
}

// beyondPq copies as lib/pq does it.
func beyondPq(teller string, story Story) {
	db, err := sql.Open("postgres", addressOf(teller+"_more"))
	must(err)
	defer db.Close()
	room, day, hour := story.Large.ID, story.Window.Start, int64(3_600_000)
	_, err = db.Exec("INSERT INTO resources (id) VALUES ($1)", room)
	must(err)
	attempt(teller, "CopyIn", func() error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		copying, err := tx.Prepare(pq.CopyIn("bookings", "resource_id", "start", "end", "label"))
		if err != nil {
			return err
		}
		for i := range int64(50) {
			if _, err := copying.Exec(room, day+i*hour, day+(i+1)*hour, fmt.Sprint("label ", i)); err != nil {
				return err
			}
		}
		_, err = copying.Exec()
		return errors.Join(err, copying.Close(), tx.Commit())
	})
	attempt(teller, "what was copied", func() error {
		var count int
		return errors.Join(db.QueryRow("SELECT count(*) FROM bookings").Scan(&count), expect("count", count, 50))
	})
}
