//! sqlx: the story, and what else it can.

use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgRow};
use sqlx::{Column, Executor, FromRow, Row, Statement, TypeInfo};

use crate::story::*;

const ME: &str = "sqlx";

async fn pool(database: &str) -> Result<PgPool, Failure> {
    let options = PgConnectOptions::new_without_pgpass()
        .host(&variable("PGHOST"))
        .port(variable("PGPORT").parse()?)
        .username(&variable("PGUSER"))
        .password(&variable("PGPASSWORD"))
        .database(database);
    Ok(PgPoolOptions::new().max_connections(4).connect_with(options).await?)
}

fn book<'q>(
    sql: &'q str,
    booking: &'q Booking,
) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments> {
    sqlx::query(sql)
        .bind(&booking.id)
        .bind(&booking.resource_id)
        .bind(booking.start)
        .bind(booking.end)
        .bind(&booking.label)
}

impl FromRow<'_, PgRow> for Run {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Run { start: row.try_get("start")?, end: row.try_get("end")? })
    }
}

impl FromRow<'_, PgRow> for RoomRun {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(RoomRun {
            resource_id: row.try_get("resource_id")?,
            start: row.try_get("start")?,
            end: row.try_get("end")?,
        })
    }
}

fn refusal(error: &sqlx::Error) -> Conflict {
    match error.as_database_error() {
        Some(refused) => Conflict {
            code: refused.code().map(Into::into).unwrap_or_default(),
            message: refused.message().into(),
        },
        None => Conflict { code: String::new(), message: error.to_string() },
    }
}

async fn furnish(pool: &PgPool, story: &Story) -> Result<(), Failure> {
    sqlx::query("INSERT INTO resources (id, name) VALUES ($1, $2)")
        .bind(&story.house.id)
        .bind(&story.house.name)
        .execute(pool)
        .await?;
    for room in [&story.small, &story.large] {
        sqlx::query(ADD_RESOURCE)
            .bind(&room.id)
            .bind(&room.parent_id)
            .bind(&room.name)
            .bind(room.capacity)
            .bind(room.buffer_after)
            .execute(pool)
            .await?;
    }
    for rule in [&story.open, &story.cleaning] {
        sqlx::query(ADD_RULE)
            .bind(&rule.id)
            .bind(&rule.resource_id)
            .bind(rule.start)
            .bind(rule.end)
            .bind(rule.blocking)
            .execute(pool)
            .await?;
    }
    Ok(())
}

async fn make_bookings(pool: &PgPool, story: &Story, outcome: &mut Outcome) -> Result<(), Failure> {
    let returning = format!("{BOOK} RETURNING id");
    let mut transaction = pool.begin().await?;
    for booking in &story.batch {
        outcome.batch.push(book(&returning, booking).fetch_one(&mut *transaction).await?.get(0));
    }
    transaction.commit().await?;
    let late = book(BOOK, &story.late).execute(pool).await;
    outcome.conflict = refusal(&late.expect_err("a collision was let in"));
    outcome.repeated = book(BOOK_ONCE, &story.ada).execute(pool).await?.rows_affected();
    let mut transaction = pool.begin().await?;
    for booking in &story.bad_batch {
        if let Err(error) = book(BOOK, booking).execute(&mut *transaction).await {
            outcome.bad_batch = refusal(&error).code;
        }
    }
    transaction.rollback().await?;
    let hold = &story.hold;
    sqlx::query(HOLD)
        .bind(&hold.id)
        .bind(&hold.resource_id)
        .bind(hold.start)
        .bind(hold.end)
        .bind(hold.expires_at)
        .execute(pool)
        .await?;
    outcome.interview = sqlx::query_as(TAKE)
        .bind(&story.interview.id)
        .bind(&hold.id)
        .bind(&story.interview.label)
        .fetch_all(pool)
        .await?;
    outcome.holds_left = sqlx::query_scalar(HOLDS).bind(&hold.resource_id).fetch_one(pool).await?;
    Ok(())
}

async fn find_free(pool: &PgPool, story: &Story, outcome: &mut Outcome) -> Result<(), Failure> {
    let (small, large) = (&story.small.id, &story.large.id);
    let (from, to) = (story.window.start, story.window.end);
    outcome.free =
        sqlx::query_as(FREE).bind(small).bind(from).bind(to).bind(story.min_duration).fetch_all(pool).await?;
    outcome.free_per_room =
        sqlx::query_as(FREE_PER_ROOM).bind(vec![small, large]).bind(from).bind(to).fetch_all(pool).await?;
    outcome.free_together =
        sqlx::query_as(FREE_TOGETHER).bind(small).bind(large).bind(from).bind(to).fetch_all(pool).await?;
    Ok(())
}

pub async fn tell(story: &Story) -> Result<(), Failure> {
    let pool = pool(ME).await?;
    let mut outcome = Outcome::default();
    furnish(&pool, story).await?;
    make_bookings(&pool, story, &mut outcome).await?;
    find_free(&pool, story, &mut outcome).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(&story.channel).await?;
    let look = || sqlx::query(LOOK).bind(&story.never.resource_id).bind(story.never.start);
    let mut transaction = pool.begin().await?;
    book(BOOK, &story.never).execute(&mut *transaction).await?;
    outcome.inside = look().fetch_all(&mut *transaction).await?.len();
    transaction.rollback().await?;
    outcome.after_rollback = look().fetch_all(&pool).await?.len();
    sqlx::query(CANCEL).bind(&story.ada.id).execute(&pool).await?;
    sqlx::query(MOVE)
        .bind(story.moved.start)
        .bind(story.moved.end)
        .bind(&story.grace.id)
        .execute(&pool)
        .await?;
    while outcome.heard.len() < story.heard {
        outcome.heard.push(serde_json::from_str(listener.recv().await?.payload())?);
    }
    for row in sqlx::query(DIARY).fetch_all(&pool).await? {
        outcome.diary.push(DiaryEntry { room: row.get(0), label: row.get(1), start: row.get(2), end: row.get(3) });
    }
    say(ME, &outcome)
}

/// What sqlx can that the story does not need: `query!` describes statements so while it compiles.
pub async fn beyond(story: &Story) -> Result<(), Failure> {
    let pool = pool("sqlx_more").await?;
    let described = pool.describe("SELECT id, start, label FROM bookings WHERE start > $1").await?;
    let names: Vec<_> = described.columns().iter().map(|column| column.type_info().name().to_owned()).collect();
    expect("types", names, vec!["TEXT".to_owned(), "INT8".to_owned(), "TEXT".to_owned()])?;
    let nullable: Vec<_> = (0..3).map(|at| described.nullable(at)).collect();
    expect("nullable", nullable, vec![Some(false), Some(false), Some(true)])?;
    println!("ok {ME} describe");

    let statement = pool.prepare("SELECT count(*) FROM bookings WHERE resource_id = $1").await?;
    let count: i64 = statement.query_scalar().bind(&story.large.id).fetch_one(&pool).await?;
    expect("count", count, 0)?;
    println!("ok {ME} prepare");

    let mut connection = pool.acquire().await?;
    connection.execute("SELECT 1; SELECT 2").await?;
    println!("ok {ME} several statements");
    Ok(())
}
