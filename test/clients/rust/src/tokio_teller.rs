//! tokio-postgres: the story, and what else the driver can.

use std::pin::pin;

use futures_util::{future::try_join_all, stream, SinkExt, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, IsolationLevel, NoTls, Row};

use crate::story::*;

const ME: &str = "tokio_postgres";

type Notifications = mpsc::UnboundedReceiver<String>;

/// A client, and what it is notified of.
async fn connect(database: &str) -> Result<(Client, Notifications), Failure> {
    let (client, mut connection) = Config::new()
        .host(variable("PGHOST"))
        .port(variable("PGPORT").parse()?)
        .user(variable("PGUSER"))
        .password(variable("PGPASSWORD"))
        .dbname(database)
        .connect(NoTls)
        .await?;
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification.payload().to_owned());
            }
        }
    });
    Ok((client, receiver))
}

fn values(booking: &Booking) -> [&(dyn ToSql + Sync); 5] {
    [&booking.id, &booking.resource_id, &booking.start, &booking.end, &booking.label]
}

fn run(row: Row) -> Run {
    Run { start: row.get("start"), end: row.get("end") }
}

fn room_run(row: Row) -> RoomRun {
    RoomRun { resource_id: row.get("resource_id"), start: row.get("start"), end: row.get("end") }
}

fn refusal(error: &tokio_postgres::Error) -> Conflict {
    match error.as_db_error() {
        Some(refused) => Conflict { code: refused.code().code().into(), message: refused.message().into() },
        None => Conflict { code: String::new(), message: error.to_string() },
    }
}

async fn furnish(client: &Client, story: &Story) -> Result<(), Failure> {
    client
        .execute("INSERT INTO resources (id, name) VALUES ($1, $2)", &[&story.house.id, &story.house.name])
        .await?;
    for room in [&story.small, &story.large] {
        let capacity = i32::try_from(room.capacity)?;
        client
            .execute(ADD_RESOURCE, &[&room.id, &room.parent_id, &room.name, &capacity, &room.buffer_after])
            .await?;
    }
    for rule in [&story.open, &story.cleaning] {
        client
            .execute(ADD_RULE, &[&rule.id, &rule.resource_id, &rule.start, &rule.end, &rule.blocking])
            .await?;
    }
    Ok(())
}

async fn book(client: &mut Client, story: &Story, outcome: &mut Outcome) -> Result<(), Failure> {
    let batch = client.prepare(&format!("{BOOK} RETURNING id")).await?;
    let lists: Vec<_> = story.batch.iter().map(values).collect();
    // Sent one behind the other, without waiting.
    let rows = try_join_all(lists.iter().map(|list| client.query_one(&batch, list))).await?;
    outcome.batch = rows.into_iter().map(|row| row.get(0)).collect();
    let late = client.execute(BOOK, &values(&story.late)).await;
    outcome.conflict = refusal(&late.expect_err("a collision was let in"));
    outcome.repeated = client.execute(BOOK_ONCE, &values(&story.ada)).await?;
    let transaction = client.transaction().await?;
    for booking in &story.bad_batch {
        if let Err(error) = transaction.execute(BOOK, &values(booking)).await {
            outcome.bad_batch = refusal(&error).code;
        }
    }
    transaction.rollback().await?;
    let hold = &story.hold;
    client
        .execute(HOLD, &[&hold.id, &hold.resource_id, &hold.start, &hold.end, &hold.expires_at])
        .await?;
    let taken = client.query(TAKE, &[&story.interview.id, &hold.id, &story.interview.label]).await?;
    outcome.interview = taken.into_iter().map(room_run).collect();
    outcome.holds_left = client.query_one(HOLDS, &[&hold.resource_id]).await?.get(0);
    Ok(())
}

async fn find_free(client: &Client, story: &Story, outcome: &mut Outcome) -> Result<(), Failure> {
    let (small, large) = (&story.small.id, &story.large.id);
    let (from, to) = (story.window.start, story.window.end);
    let free = client.query(FREE, &[small, &from, &to, &story.min_duration]).await?;
    outcome.free = free.into_iter().map(run).collect();
    let per_room = client.query(FREE_PER_ROOM, &[&vec![small, large], &from, &to]).await?;
    outcome.free_per_room = per_room.into_iter().map(room_run).collect();
    let together = client.query(FREE_TOGETHER, &[small, large, &from, &to]).await?;
    outcome.free_together = together.into_iter().map(run).collect();
    Ok(())
}

pub async fn tell(story: &Story) -> Result<(), Failure> {
    let (mut client, _) = connect(ME).await?;
    let (listener, mut notifications) = connect(ME).await?;
    let mut outcome = Outcome::default();
    furnish(&client, story).await?;
    book(&mut client, story, &mut outcome).await?;
    find_free(&client, story, &mut outcome).await?;
    listener.batch_execute(&format!("LISTEN \"{}\"", story.channel)).await?;
    let transaction = client.transaction().await?;
    transaction.execute(BOOK, &values(&story.never)).await?;
    let place: [&(dyn ToSql + Sync); 2] = [&story.never.resource_id, &story.never.start];
    outcome.inside = transaction.query(LOOK, &place).await?.len();
    transaction.rollback().await?;
    outcome.after_rollback = client.query(LOOK, &place).await?.len();
    client.execute(CANCEL, &[&story.ada.id]).await?;
    client.execute(MOVE, &[&story.moved.start, &story.moved.end, &story.grace.id]).await?;
    while outcome.heard.len() < story.heard {
        let payload = notifications.recv().await.ok_or("no notification came")?;
        outcome.heard.push(serde_json::from_str(&payload)?);
    }
    let diary = client.query(DIARY, &[]).await?;
    outcome.diary = diary
        .into_iter()
        .map(|row| DiaryEntry { room: row.get(0), label: row.get(1), start: row.get(2), end: row.get(3) })
        .collect();
    say(ME, &outcome)
}

const HOUR: i64 = 3_600_000;

/// What the driver can that the story does not need.
pub async fn beyond(story: &Story) -> Result<(), Failure> {
    let (mut client, _) = connect("tokio_postgres_more").await?;
    let (room, day) = (&story.large.id, story.window.start);
    client.execute("INSERT INTO resources (id) VALUES ($1)", &[room]).await?;

    let sink = client
        .copy_in(r#"COPY bookings (resource_id, start, "end", label) FROM STDIN BINARY"#)
        .await?;
    let types = [Type::TEXT, Type::INT8, Type::INT8, Type::TEXT];
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for n in 0..100_i64 {
        let label = format!("label {n}");
        writer.as_mut().write(&[room, &(day + n * HOUR), &(day + (n + 1) * HOUR), &label]).await?;
    }
    expect("rows copied", writer.finish().await?, 100)?;
    println!("ok {ME} binary COPY in");

    let out = client.copy_out("COPY (SELECT label FROM bookings ORDER BY start LIMIT 2) TO STDOUT").await?;
    let text: Vec<u8> = out.try_fold(Vec::new(), |all, part| async move { Ok([all, part.to_vec()].concat()) }).await?;
    expect("text copied", String::from_utf8(text)?.as_str(), "label 0\nlabel 1\n")?;
    println!("ok {ME} COPY out");

    let mut sink = pin!(client.copy_in::<_, tokio_postgres::types::private::BytesMut>(
        r#"COPY bookings (resource_id, start, "end") FROM STDIN"#
    ).await?);
    sink.send(tokio_postgres::types::private::BytesMut::from(format!("{room}\t{day}\t{}\n", day + 1).as_str())).await?;
    let refused = sink.finish().await.expect_err("a collision was copied in");
    expect("code", refusal(&refused).code.as_str(), "23P01")?;
    println!("ok {ME} a copy that collides");

    let statement = client.prepare("SELECT id, start, label FROM bookings WHERE start >= $1 ORDER BY start").await?;
    expect("parameters", statement.params(), &[Type::INT8])?;
    let rows = client.query_raw(&statement, [day + 50 * HOUR]).await?;
    expect("rows", pin!(rows).try_fold(0, |n, _| async move { Ok(n + 1) }).await?, 50)?;
    println!("ok {ME} rows as they come");

    let transaction = client.transaction().await?;
    let portal = transaction.bind(&statement, &[&day]).await?;
    expect("first page", transaction.query_portal(&portal, 60).await?.len(), 60)?;
    expect("second page", transaction.query_portal(&portal, 60).await?.len(), 40)?;
    transaction.commit().await?;
    println!("ok {ME} portals");

    let mut transaction = client.transaction().await?;
    let nested = transaction.transaction().await?;
    let taken = nested
        .execute(r#"INSERT INTO bookings (resource_id, start, "end") VALUES ($1, $2, $3)"#, &[room, &day, &(day + HOUR)])
        .await
        .expect_err("a collision was let in");
    expect("code", refusal(&taken).code.as_str(), "23P01")?;
    nested.rollback().await?;
    expect("deleted", transaction.execute("DELETE FROM bookings WHERE label = 'label 99'", &[]).await?, 1)?;
    transaction.commit().await?;
    println!("ok {ME} savepoints");

    let reading =
        client.build_transaction().isolation_level(IsolationLevel::Serializable).read_only(true).start().await?;
    let refused = reading.execute("DELETE FROM bookings", &[]).await.expect_err("it deleted");
    expect("code", refusal(&refused).code.as_str(), "25006")?;
    reading.rollback().await?;
    println!("ok {ME} serializable and read only");

    let at: std::time::SystemTime = client
        .query_one("SELECT to_timestamp(min(start) / 1000.0) FROM bookings", &[])
        .await?
        .get(0);
    expect("start", at.duration_since(std::time::UNIX_EPOCH)?.as_millis(), u128::try_from(day)?)?;
    println!("ok {ME} times");

    let cancel = client.cancel_token();
    let slow = client.query("SELECT count(*) FROM bookings a, bookings b, bookings c, bookings d", &[]);
    let (answer, cancelled) = tokio::join!(slow, async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        cancel.cancel_query(NoTls).await
    });
    cancelled?;
    expect("code", refusal(&answer.expect_err("it was not cancelled")).code.as_str(), "57014")?;
    println!("ok {ME} cancel");
    Ok(())
}
