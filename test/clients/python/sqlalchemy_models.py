"""The tables as SQLAlchemy's users would declare them."""

import sqlalchemy as sa
from sqlalchemy import orm


class Base(orm.DeclarativeBase):
    type_annotation_map = {int: sa.BigInteger, str: sa.Text}


class Resource(Base):
    __tablename__ = "resources"
    id: orm.Mapped[str] = orm.mapped_column(primary_key=True, server_default=sa.FetchedValue())
    parent_id: orm.Mapped[str | None] = orm.mapped_column(sa.ForeignKey("resources.id"))
    name: orm.Mapped[str | None]
    capacity: orm.Mapped[int] = orm.mapped_column(sa.Integer, server_default=sa.FetchedValue())
    buffer_after: orm.Mapped[int] = orm.mapped_column(server_default=sa.FetchedValue())
    parent: orm.Mapped["Resource | None"] = orm.relationship(remote_side=[id], back_populates="children")
    children: orm.Mapped[list["Resource"]] = orm.relationship(back_populates="parent")
    rules: orm.Mapped[list["Rule"]] = orm.relationship(back_populates="resource", passive_deletes=True)
    bookings: orm.Mapped[list["Booking"]] = orm.relationship(back_populates="resource", passive_deletes=True)


class Rule(Base):
    __tablename__ = "rules"
    id: orm.Mapped[str] = orm.mapped_column(primary_key=True, server_default=sa.FetchedValue())
    resource_id: orm.Mapped[str] = orm.mapped_column(sa.ForeignKey("resources.id"))
    start: orm.Mapped[int]
    end: orm.Mapped[int]
    blocking: orm.Mapped[bool]
    resource: orm.Mapped[Resource] = orm.relationship(back_populates="rules")


class Booking(Base):
    __tablename__ = "bookings"
    id: orm.Mapped[str] = orm.mapped_column(primary_key=True, server_default=sa.FetchedValue())
    resource_id: orm.Mapped[str] = orm.mapped_column(sa.ForeignKey("resources.id"))
    start: orm.Mapped[int]
    end: orm.Mapped[int]
    label: orm.Mapped[str | None]
    resource: orm.Mapped[Resource] = orm.relationship(back_populates="bookings")


class Hold(Base):
    __tablename__ = "holds"
    id: orm.Mapped[str] = orm.mapped_column(primary_key=True, server_default=sa.FetchedValue())
    resource_id: orm.Mapped[str] = orm.mapped_column(sa.ForeignKey("resources.id"))
    start: orm.Mapped[int]
    end: orm.Mapped[int]
    expires_at: orm.Mapped[int]


# Tables with columns that are only written or only filtered by are no models.
bookings_from_holds = sa.table("bookings", *map(sa.column, ["id", "hold_id", "label", "resource_id", "start", "end"]))
availability = sa.table(
    "availability",
    sa.column("resource_id", sa.Text),
    sa.column("start", sa.BigInteger),
    sa.column("end", sa.BigInteger),
    sa.column("min_duration", sa.BigInteger),
    sa.column("per_resource", sa.Boolean),
)
