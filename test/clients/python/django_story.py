"""Django over psycopg: the story with unmanaged models as its users would write them, and inspectdb."""

import io
import json

import django
import psycopg
from django.conf import settings

from story import HOST, HOUR, PASSWORD, PORT, STORY, USER, attempt, diary_entry, run_in_room, run_of
from story import say_story, say_version

ME = "django"

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": HOST,
            "PORT": PORT,
            "USER": USER,
            "PASSWORD": PASSWORD,
            "NAME": ME,
        }
    },
    INSTALLED_APPS=["booking_app"],
    USE_TZ=True,
)
django.setup()

# What follows needs the settings.
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Count, F, Q, Sum

from booking_app.models import Availability, Booking, Hold, Resource, Rule


def a_booking(b) -> Booking:
    return Booking(id=b.id, resource_id=b.resource_id, start=b.start, end=b.end, label=b.label)


def refused(*bookings) -> dict:
    try:
        with transaction.atomic():
            Booking.objects.bulk_create(map(a_booking, bookings))
    except IntegrityError as error:
        cause = error.__cause__
        return {"code": cause.sqlstate, "message": cause.diag.message_primary}
    raise AssertionError("a collision was let in")


def furnish() -> None:
    Resource.objects.create(id=STORY.house.id, name=STORY.house.name)
    for r in (STORY.small, STORY.large):
        Resource.objects.create(
            id=r.id, parent_id=r.parent_id, name=r.name, capacity=r.capacity, buffer_after=r.buffer_after
        )
    for r in (STORY.open, STORY.cleaning):
        Rule.objects.create(id=r.id, resource_id=r.resource_id, start=r.start, end=r.end, blocking=r.blocking)


def book() -> dict:
    batch = Booking.objects.bulk_create(map(a_booking, STORY.batch))
    conflict = refused(STORY.late)
    before = Booking.objects.count()
    Booking.objects.bulk_create([a_booking(STORY.ada)], ignore_conflicts=True)
    repeated = Booking.objects.count() - before
    bad_batch = refused(*STORY.badBatch)["code"]
    hold, interview = STORY.hold, STORY.interview
    Hold.objects.create(
        id=hold.id, resource_id=hold.resource_id, start=hold.start, end=hold.end, expires_at=hold.expires_at
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bookings (id, hold_id, label) VALUES (%s, %s, %s) RETURNING resource_id, start, \"end\"",
            [interview.id, hold.id, interview.label],
        )
        taken = cursor.fetchall()
    return {
        "batch": [b.id for b in batch],
        "conflict": conflict,
        "repeated": repeated,
        "badBatch": bad_batch,
        "interview": [run_in_room(row) for row in taken],
        "holdsLeft": Hold.objects.filter(resource_id=hold.resource_id).count(),
    }


def find_free() -> dict:
    small, large, window = STORY.small.id, STORY.large.id, STORY.window
    within = Availability.objects.filter(start__gte=window.start, end__lte=window.end)
    free = within.filter(resource=small, min_duration=STORY.minDuration)
    both = within.filter(resource__in=[small, large])
    return {
        "free": [run_of(row) for row in free.values_list("start", "end")],
        "freePerRoom": [
            run_in_room(row) for row in both.filter(per_resource=True).values_list("resource_id", "start", "end")
        ],
        "freeTogether": [run_of(row) for row in both.values_list("start", "end")],
    }


class ChangedMyMind(Exception):
    pass


def roll_back() -> dict:
    there = Booking.objects.filter(resource_id=STORY.never.resource_id, start=STORY.never.start)
    inside = 0
    try:
        with transaction.atomic():
            a_booking(STORY.never).save(force_insert=True)
            inside = there.count()
            raise ChangedMyMind
    except ChangedMyMind:
        pass
    return {"inside": inside, "afterRollback": there.count()}


def change() -> None:
    Booking.objects.get(pk=STORY.ada.id).delete()
    with transaction.atomic():
        grace = Booking.objects.select_for_update().get(pk=STORY.grace.id)
        grace.start, grace.end = STORY.moved.start, STORY.moved.end
        grace.save(update_fields=["start", "end"])


def tell() -> None:
    furnish()
    outcome = book() | find_free()
    listening = psycopg.conninfo.make_conninfo(host=HOST, port=PORT, user=USER, password=PASSWORD, dbname=ME)
    with psycopg.connect(listening, autocommit=True) as listener:
        listener.execute(f"LISTEN {STORY.channel}")
        outcome |= roll_back()
        change()
        heard = listener.notifies(timeout=10, stop_after=STORY.heard)
        outcome["heard"] = [json.loads(notification.payload) for notification in heard]
    diary = Booking.objects.order_by("start", "resource__name")
    outcome["diary"] = [diary_entry(row) for row in diary.values_list("resource__name", "label", "start", "end")]
    say_story(ME, outcome)


def inspect() -> None:
    out = io.StringIO()
    call_command("inspectdb", stdout=out)
    text = out.getvalue()
    for line in [
        "class Bookings(models.Model):",
        "resource = models.ForeignKey('Resources', models.DO_NOTHING",
        "parent = models.ForeignKey('self', models.DO_NOTHING, blank=True, null=True",
        "id = models.TextField(primary_key=True",
        "buffer_after = models.BigIntegerField(",
        "blocking = models.BooleanField(",
        "db_table_comment = 'Permanent allocations.'",
    ]:
        assert line in text, f"{line}\n{text}"
    assert "Unable to inspect" not in text and "could not be found" not in text, text


def queries() -> None:
    hours = (F("bookings__end") - F("bookings__start")) / HOUR
    rooms = Resource.objects.filter(parent__name="House").order_by("name")
    counted = rooms.annotate(count=Count("bookings"), hours=Sum(hours)).values_list("name", "count", "hours")
    assert list(counted) == [("Large room", 2, 4), ("Small room", 2, 2)], list(counted)
    booked = Resource.objects.filter(Q(bookings__label__istartswith="gr") | Q(name="House")).distinct()
    counts = sorted((r.name, len(r.bookings.all())) for r in booked.prefetch_related("bookings"))
    assert counts == [("House", 0), ("Small room", 2)], counts
    grace = Booking.objects.select_related("resource__parent").get(label="Grace")
    assert grace.resource.parent.name == "House"
    assert Booking.objects.filter(label__contains="œ").exists()
    assert Booking.objects.filter(label__isnull=True).count() == 1
    assert Booking.objects.filter(pk=grace.pk).update(label="Grace H.") == 1
    night = {"resource_id": STORY.large.id, "start": STORY.window.end, "end": STORY.window.end + HOUR}
    later, created = Booking.objects.get_or_create(id=STORY.late.id, defaults=night)
    assert created and later.delete()[0] == 1
    assert len(list(Booking.objects.iterator(chunk_size=2))) == 4
    with transaction.atomic():
        try:
            with transaction.atomic():
                Booking.objects.create(id=STORY.ada.id, resource_id="nobody", start=0, end=1)
        except DatabaseError:
            pass
        assert Booking.objects.count() == 4
    union = Booking.objects.values_list("id").union(Hold.objects.values_list("id"))
    assert union.count() == 4


def tell_all() -> None:
    say_version(ME, django.__version__)
    attempt(ME, "tells the story", tell)
    attempt(ME, "inspectdb", inspect)
    attempt(ME, "queries, relations, savepoints", queries)
    connection.close()
