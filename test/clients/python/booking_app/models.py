"""
The five tables. Nothing is managed: they are there already, and there is no DDL. A booking's hold_id is for writing only,
so it is no field.
"""

from django.db import models


class Resource(models.Model):
    id = models.TextField(primary_key=True)
    parent = models.ForeignKey("self", models.DO_NOTHING, null=True, related_name="children")
    name = models.TextField(null=True)
    capacity = models.IntegerField(default=1)
    buffer_after = models.BigIntegerField(default=0)

    class Meta:
        managed = False
        db_table = "resources"


class Rule(models.Model):
    id = models.TextField(primary_key=True)
    resource = models.ForeignKey(Resource, models.DO_NOTHING, related_name="rules")
    start = models.BigIntegerField()
    end = models.BigIntegerField()
    blocking = models.BooleanField()

    class Meta:
        managed = False
        db_table = "rules"


class Booking(models.Model):
    id = models.TextField(primary_key=True)
    resource = models.ForeignKey(Resource, models.DO_NOTHING, related_name="bookings")
    start = models.BigIntegerField()
    end = models.BigIntegerField()
    label = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "bookings"


class Hold(models.Model):
    id = models.TextField(primary_key=True)
    resource = models.ForeignKey(Resource, models.DO_NOTHING, related_name="holds")
    start = models.BigIntegerField()
    end = models.BigIntegerField()
    expires_at = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "holds"


class Availability(models.Model):
    """Its last two are filtered by, never selected: `values_list` says what is."""

    resource = models.OneToOneField(Resource, models.DO_NOTHING, primary_key=True, related_name="+")
    start = models.BigIntegerField()
    end = models.BigIntegerField()
    min_duration = models.BigIntegerField()
    per_resource = models.BooleanField()

    class Meta:
        managed = False
        db_table = "availability"
