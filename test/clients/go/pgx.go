package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

func codeOf(err error) Conflict {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return Conflict{refused.Code, refused.Message}
	}
	return Conflict{"", fmt.Sprint(err)}
}

// tellPgx tells the story by a pool, in one of pgx's ways to send statements.
func tellPgx(teller string, story Story, mode pgx.QueryExecMode) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	config, err := pgxpool.ParseConfig(addressOf(teller))
	must(err)
	config.ConnConfig.DefaultQueryExecMode = mode
	pool, err := pgxpool.NewWithConfig(ctx, config)
	must(err)
	defer pool.Close()

	furnish(ctx, pool, story)
	var outcome Outcome
	bookByPgx(ctx, pool, story, &outcome)
	findFreeByPgx(ctx, pool, story, &outcome)

	listener, err := pool.Acquire(ctx)
	must(err)
	defer listener.Release()
	_, err = listener.Exec(ctx, "LISTEN "+pgx.Identifier{story.Channel}.Sanitize())
	must(err)
	rollBackByPgx(ctx, pool, story, &outcome)
	_, err = pool.Exec(ctx, cancel, story.Ada.ID)
	must(err)
	_, err = pool.Exec(ctx, move, story.Moved.Start, story.Moved.End, story.Grace.ID)
	must(err)
	for range story.Heard {
		notification, err := listener.Conn().WaitForNotification(ctx)
		must(err)
		outcome.Heard = append(outcome.Heard, json.RawMessage(notification.Payload))
	}
	rows, err := pool.Query(ctx, diary)
	must(err)
	outcome.Diary, err = pgx.CollectRows(rows, pgx.RowToStructByPos[DiaryEntry])
	must(err)
	say(teller, outcome)
}

func furnish(ctx context.Context, pool *pgxpool.Pool, story Story) {
	batch := &pgx.Batch{}
	batch.Queue("INSERT INTO resources (id, name) VALUES ($1, $2)", story.House.ID, story.House.Name)
	batch.Queue(addResource, story.Small.values()...)
	batch.Queue(addResource, story.Large.values()...)
	batch.Queue(addRule, story.Open.values()...)
	batch.Queue(addRule, story.Cleaning.values()...)
	must(pool.SendBatch(ctx, batch).Close())
}

func bookByPgx(ctx context.Context, pool *pgxpool.Pool, story Story, outcome *Outcome) {
	batch := &pgx.Batch{}
	for _, booking := range story.Batch {
		batch.Queue(book+" RETURNING id", booking.values()...).QueryRow(func(row pgx.Row) error {
			var id string
			err := row.Scan(&id)
			outcome.Batch = append(outcome.Batch, id)
			return err
		})
	}
	must(pool.SendBatch(ctx, batch).Close())
	_, err := pool.Exec(ctx, book, story.Late.values()...)
	outcome.Conflict = codeOf(err)
	tag, err := pool.Exec(ctx, bookOnce, story.Ada.values()...)
	must(err)
	outcome.Repeated = tag.RowsAffected()
	bad := &pgx.Batch{}
	for _, booking := range story.BadBatch {
		bad.Queue(book, booking.values()...)
	}
	outcome.BadBatch = codeOf(pool.SendBatch(ctx, bad).Close()).Code
	_, err = pool.Exec(ctx, placeHold, story.Hold.values()...)
	must(err)
	rows, err := pool.Query(ctx, takeHold, story.Interview.ID, story.Hold.ID, story.Interview.Label)
	must(err)
	outcome.Interview, err = pgx.CollectRows(rows, pgx.RowToStructByPos[RoomRun])
	must(err)
	must(pool.QueryRow(ctx, countHolds, story.Small.ID).Scan(&outcome.HoldsLeft))
}

func findFreeByPgx(ctx context.Context, pool *pgxpool.Pool, story Story, outcome *Outcome) {
	small, large, window := story.Small.ID, story.Large.ID, story.Window
	rows, err := pool.Query(ctx, free, small, window.Start, window.End, story.MinDuration)
	must(err)
	outcome.Free, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Run])
	must(err)
	rows, err = pool.Query(ctx, freePerRoom, []string{small, large}, window.Start, window.End)
	must(err)
	outcome.FreePerRoom, err = pgx.CollectRows(rows, pgx.RowToStructByPos[RoomRun])
	must(err)
	rows, err = pool.Query(ctx, freeTogether, small, large, window.Start, window.End)
	must(err)
	outcome.FreeTogether, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Run])
	must(err)
}

var errChangedMyMind = errors.New("changed my mind")

func rollBackByPgx(ctx context.Context, pool *pgxpool.Pool, story Story, outcome *Outcome) {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, book, story.Never.values()...); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, look, story.Never.ResourceID, story.Never.Start)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		outcome.Inside = len(ids)
		return errors.Join(err, errChangedMyMind)
	})
	if !errors.Is(err, errChangedMyMind) {
		must(err)
	}
	rows, err := pool.Query(ctx, look, story.Never.ResourceID, story.Never.Start)
	must(err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(err)
	outcome.AfterRollback = len(ids)
}

// beyondPgx is what pgx can do that the story does not need.
func beyondPgx(teller string, story Story) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	conn, err := pgx.Connect(ctx, addressOf(teller+"_more"))
	must(err)
	defer conn.Close(ctx)
	room := story.Large.ID
	_, err = conn.Exec(ctx, "INSERT INTO resources (id) VALUES ($1)", room)
	must(err)
	day, hour := story.Window.Start, int64(3_600_000)

	attempt(teller, "CopyFrom", func() error {
		count, err := conn.CopyFrom(ctx, pgx.Identifier{"bookings"}, []string{"resource_id", "start", "end", "label"},
			pgx.CopyFromSlice(100, func(i int) ([]any, error) {
				return []any{room, day + int64(i)*hour, day + int64(i+1)*hour, fmt.Sprintf("label %d", i)}, nil
			}))
		return errors.Join(err, expect("rows copied", count, 100))
	})
	attempt(teller, "a copy that collides", func() error {
		_, err := conn.CopyFrom(ctx, pgx.Identifier{"bookings"}, []string{"resource_id", "start", "end"},
			pgx.CopyFromRows([][]any{{room, day, day + hour}}))
		return expect("code", codeOf(err).Code, "23P01")
	})
	attempt(teller, "times", func() error {
		var start, midnight, day1 time.Time
		var length time.Duration
		err := conn.QueryRow(ctx, `SELECT to_timestamp(start / 1000.0), date_trunc('day', to_timestamp(start / 1000.0)),
			to_timestamp(start / 1000.0)::date, make_interval(secs => 0) + "end" * interval '1 millisecond' - start * interval '1 millisecond'
			FROM bookings WHERE resource_id = $1 ORDER BY start LIMIT 1`, room).Scan(&start, &midnight, &day1, &length)
		return errors.Join(err, expect("start", start.UnixMilli(), day), expect("length", length, time.Hour))
	})
	attempt(teller, "a time as parameter", func() error {
		var count int
		err := conn.QueryRow(ctx, `SELECT count(*) FROM bookings WHERE resource_id = $1 AND to_timestamp(start / 1000.0) >= $2::timestamptz`,
			room, time.UnixMilli(day+50*hour)).Scan(&count)
		return errors.Join(err, expect("count", count, 50))
	})
	attempt(teller, "structs by name", func() error {
		type labelled struct {
			ID    string
			Label *string
			Start int64
		}
		rows, err := conn.Query(ctx, "SELECT id, start, label FROM bookings ORDER BY start LIMIT $1", 3)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByName[labelled])
		return errors.Join(err, expect("rows", len(found), 3), expect("label", *found[2].Label, "label 2"))
	})
	attempt(teller, "named arguments and arrays", func() error {
		var starts []int64
		err := conn.QueryRow(ctx, "SELECT array_agg(start ORDER BY start) FROM bookings WHERE label = ANY(@labels)",
			pgx.NamedArgs{"labels": []string{"label 0", "label 1", "nobody"}}).Scan(&starts)
		return errors.Join(err, expect("starts", fmt.Sprint(starts), fmt.Sprint([]int64{day, day + hour})))
	})
	attempt(teller, "savepoints", func() error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			inner := pgx.BeginFunc(ctx, tx, func(nested pgx.Tx) error {
				_, err := nested.Exec(ctx, `INSERT INTO bookings (resource_id, start, "end") VALUES ($1, $2, $3)`, room, day, day+hour)
				return err
			})
			if err := expect("code", codeOf(inner).Code, "23P01"); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "DELETE FROM bookings WHERE label = 'label 99'")
			return err
		})
	})
	attempt(teller, "serializable and read only", func() error {
		tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly})
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM bookings")
		return errors.Join(expect("code", codeOf(err).Code, "25006"), tx.Rollback(ctx))
	})
	attempt(teller, "cancel by context", func() error {
		short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
		defer stop()
		other, err := pgx.Connect(ctx, addressOf(teller+"_more"))
		if err != nil {
			return err
		}
		defer other.Close(ctx)
		_, err = other.Exec(short, "SELECT count(*) FROM bookings a, bookings b, bookings c, bookings d")
		if err == nil {
			return errors.New("it was not cancelled")
		}
		return nil
	})
}
