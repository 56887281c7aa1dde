"""Each of Python's clients tells the story."""

import psycopg_story

if __name__ == "__main__":
    psycopg_story.tell_all()
