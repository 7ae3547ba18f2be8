"""The data of the dates example: days written the way people write them, and their ISO form.

The day decides the split: a day that occurs in training never occurs in the held-out set, in any spelling.
"""

import datetime
import random

FIRST, LAST = datetime.date(1930, 1, 1), datetime.date(2029, 12, 31)  # two digits of a year are enough in this century
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December"]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

# Character k of an alphabet is the value k; dates.heed declares the same two strings.
SOURCE = " ,./-'0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
TARGET = "\n^-0123456789"  # end, begin, then the characters of an ISO date
END, BEGIN = 0, 1


def ordinal(day):
    if 11 <= day <= 13:
        return f"{day}th"
    return f"{day}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th') }"


def spell(day, rng):
    """One of the spellings of `day`. Slashes put the month first, dots the day, so every spelling has one meaning."""
    d, m, y = day.day, day.month, day.year
    month, short = MONTHS[m - 1], MONTHS[m - 1][:3]
    weekday = WEEKDAYS[day.weekday()]
    forms = [
        f"{weekday}, {ordinal(d)} of {month} {y}", f"{weekday}, {month} {d}, {y}", f"{weekday[:3]}, {d} {short} {y}",
        f"{weekday} {d} {month} {y}", f"{ordinal(d)} of {month} {y}", f"{ordinal(d)} {month} {y}", f"{d} {month} {y}",
        f"{d:02d} {short} {y % 100:02d}", f"{d} {short} {y}", f"{d:02d}-{short}-{y}", f"{d}. {month} {y}",
        f"{month} {ordinal(d)}, {y}", f"{month} {d}, {y}", f"{short} {d}, {y}", f"{short} {d} '{y % 100:02d}",
        f"{short}. {d}, {y}", f"{y} {month} {d}", f"{y}, {short} {d:02d}", f"{m}/{d}/{y}", f"{m:02d}/{d:02d}/{y % 100:02d}",
        f"{d}.{m}.{y}", f"{d:02d}.{m:02d}.{y % 100:02d}", f"{y}/{m:02d}/{d:02d}", f"{y}.{m:02d}.{d:02d}", f"{y}-{m}-{d}",
        f"the {ordinal(d)} of {month}, {y}",
    ]
    text = rng.choice(forms)
    case = rng.random()
    return text.lower() if case < 0.35 else text.upper() if case < 0.45 else text


def days(held_out):
    """The days of one side of the split: every seventh day of the shuffled calendar is held out."""
    calendar = [FIRST + datetime.timedelta(k) for k in range((LAST - FIRST).days + 1)]
    random.Random(1).shuffle(calendar)
    return calendar[::7] if held_out else [day for k, day in enumerate(calendar) if k % 7]


def pairs(calendar, count, seed):
    """`count` pairs (spelling, ISO date) of random days of `calendar`."""
    rng = random.Random(seed)
    chosen = [rng.choice(calendar) for _ in range(count)]
    return [(spell(day, rng), day.isoformat()) for day in chosen]
