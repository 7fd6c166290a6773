"""What the page of the device says, for its scripts; in {braces} stands what they fill in."""

from __future__ import annotations

from django.utils.translation import gettext

from careloop.web.staff.assess_words import absent_words


def words() -> dict[str, str]:
    return {**_asking(), **_listing(), **_sending()}


def _asking() -> dict[str, str]:
    return {
        "whoAnswers": gettext("Who answers?"),
        "somebodyElse": gettext("Somebody else"),
        "whoAndHow": gettext("Who, and how they know"),
        "whichLanguage": gettext("In which language do you ask?"),
        "english": gettext("English"),
        "spanish": gettext("Spanish"),
        "interpreter": gettext("An interpreter helps"),
        "begin": gettext("Begin"),
        "notNow": gettext("Not now"),
        "questions": gettext("Questions"),
        "answer": gettext("answer"),
        "answered": gettext("Answered"),
        "nextBack": gettext("next, back"),
        "back": gettext("Back"),
        "next": gettext("Next"),
        "declined": absent_words("declined"),
        "unknown": absent_words("unknown"),
        "not-asked": absent_words("not-asked"),
        "nOf": gettext("{n} of {total}"),
        "lacksOne": gettext("1 question has no answer yet"),
        "lacksMore": gettext("{n} questions have no answer yet"),
        "reasonsToo": gettext("“Declined”, “don’t know” and “not asked” are answers too."),
        "nothingMissing": gettext("Nothing is missing"),
        "safetyFirst": gettext("First write down where the person is and whether the person is safe now."),
        "finish": gettext("Finish"),
        "leave": gettext("Leave, go on later"),
        "keptAt": gettext("Kept on this device {time}"),
        "problem-number": gettext("Write a whole number, like 2."),
        "problem-low": gettext("{low} or more."),
        "problem-high": gettext("{high} or less."),
        "problem-long": gettext("At most {most} characters."),
        "problem-date": gettext("Write a day of the calendar, like 11/24/2026."),
        "needsSomebody": gettext("This needs somebody now."),
        "nobodyTold": gettext(
            "No clinician has been told: this is not sent yet. Call yourself, now."
            " It goes by itself when there is a network."
        ),
        "clinicianTold": gettext("It was sent: the clinician on call has it as urgent work."),
        "where": gettext("Where is the person now?"),
        "callback": gettext("Number to call back"),
        "safeNow": gettext("Safe now?"),
        "safe-yes": gettext("Yes, safe now"),
        "safe-no": gettext("No, not safe"),
        "safe-unsure": gettext("Not sure"),
        "safe-not-asked": gettext("Could not ask"),
    }


def _listing() -> dict[str, str]:
    return {
        "title": gettext("On this device"),
        "lockedLede": gettext("Locked. Your password opens what you took along."),
        "password": gettext("Your password"),
        "passwordHelp": gettext("The one that you had when you took it along."),
        "wrongPassword": gettext("This password does not open it."),
        "unlock": gettext("Open"),
        "idle": gettext("Nobody touched this page for 15 minutes, so it was locked. All answers are kept."),
        "otherWindow": gettext(
            "This page is open in another window of this browser. Go on there, or close it."
        ),
        "tooOld": gettext("What was taken along more than seven days ago was wiped from this device."),
        "nothingHere": gettext("Nothing is on this device"),
        "howToTake": gettext(
            "At the office, open a person’s page and choose “Take the questions along”."
            " Then they can be asked here without a network."
        ),
        "notSent": gettext("Not sent yet"),
        "unsentOne": gettext("1 set of answers is not sent yet."),
        "unsentMore": gettext("{n} sets of answers are not sent yet."),
        "allSent": gettext("Nothing waits to be sent."),
        "goes": gettext("Goes from this device on {day}."),
        "herPage": gettext("Open the person’s page"),
        "askNow": gettext("Ask now: {n} sets of questions"),
        "minutes": gettext("About {n} min"),
        "goOn": gettext("Go on"),
        "change": gettext("Look through, change"),
        "finishedAt": gettext("Finished {day}, {time}"),
        "throughInterpreter": gettext("{language}, interpreter"),
        "safeContact": gettext("Safe contact: look first"),
        "dropPacket": gettext("Not needed: wipe this person from the device"),
        "dropPacketSure": gettext(
            "The questions for this person go from this device. Nothing was answered here."
        ),
        "wipe": gettext("Wipe everything from this device"),
        "wipeSure": gettext("All that is not sent yet is lost. Nobody can bring it back."),
        "sure": gettext("Are you sure?"),
        "yes": gettext("Yes, wipe it"),
        "no": gettext("No, keep it"),
        "noRoom": gettext("This could not be kept on the device: there is no room. Write it on paper."),
    }


def _sending() -> dict[str, str]:
    return {
        "away": gettext(
            "No network, or Careloop can’t be reached. Everything is kept here, and is sent by itself later."
        ),
        "signedOut": gettext(
            "There is a network. To send what is kept here, you have to sign in; this page then goes on by itself."
        ),
        "signIn": gettext("Sign in, in another window"),
        "otherAccount": gettext(
            "Somebody else is signed in here. Only the account that took it along can send it."
        ),
        "toCareloop": gettext("Go to Careloop"),
        "sent": gettext("Sent: {name}, {person}."),
        "open": gettext("Open it"),
        "refused": gettext("Could not be sent: {name}"),
        "there": gettext("In the record, but not finished: {name}"),
        "goOnThere": gettext("Go on there"),
        "seen": gettext("Seen: take it from this device"),
        "asks": gettext("Before it is sent: {name}"),
        "asksWhy": gettext(
            "Something changed in the record meanwhile. You decide; nothing is overwritten without you."
        ),
        "onDevice": gettext("On this device"),
        "inRecord": gettext("In the record"),
        "samePerson": gettext("It is the same person. Taken along as {here}; the record now says {there}."),
        "besideBy": gettext("{by} finished the same questions meanwhile: {when}."),
        "look": gettext("Look at those answers"),
        "besideToo": gettext("I looked at them. Keep mine beside them."),
        "sendSo": gettext("Send it so"),
        "again": gettext("Try again"),
        "read": gettext("Read, print"),
        "drop": gettext("Wipe it from this device"),
        "dropSure": gettext(
            "These answers go from this device, and were not sent. Nobody can bring them back."
        ),
        "writtenAt": gettext("Answered {day}, {time}"),
        "noAnswer": gettext("no answer"),
        "print": gettext("Print"),
        "toList": gettext("Back to the list"),
    }
