"""The URIs that Careloop's own resources use: code systems, identifiers and extensions.

They are URNs because nothing is served under them; their meaning is written in docs/subsystems/fhir-mapping.md.
"""

from __future__ import annotations

from typing import Final

# Code systems
WORK_CODE: Final = "urn:careloop:code:work"  # what kind of to-do: call-after-discharge, …
WORK_CLASS: Final = "urn:careloop:code:work-class"  # danger, clock, promise, silence, routine
PROGRAM: Final = "urn:careloop:code:program"
CONTACT_OUTCOME: Final = "urn:careloop:code:contact-outcome"
NEED: Final = "urn:careloop:code:need"
GOAL: Final = "urn:careloop:code:goal"  # which goal of a plan template
OBSERVED: Final = "urn:careloop:code:observed"  # what we observe that no standard code names
COMPLEXITY: Final = "urn:careloop:code:complexity"  # of medical decisions after a stay: moderate, high
FLAG: Final = "urn:careloop:code:flag"  # what a Flag of ours says: safe-contact
TASK_IO: Final = "urn:careloop:code:task-io"  # Task.input.type / Task.output.type
REASON: Final = "urn:careloop:code:reason"  # structured reasons: declined, withdrawn, disenrolled, snoozed
PORTAL: Final = "urn:careloop:code:portal"  # Consent.category: why somebody may use a person's pages
PLAN_ACT: Final = "urn:careloop:code:plan-act"  # Provenance.activity: added, changed, ended, reopened, signed
TALK: Final = "urn:careloop:code:talk"  # Communication.category: a case review, a consultation
SHARE: Final = "urn:careloop:code:share"  # Consent.provision.class: what of her record somebody may see there
MONITORING: Final = "urn:careloop:code:monitoring"  # ServiceRequest.category: readings to be watched
RISK: Final = "urn:careloop:code:risk"  # RiskAssessment.method: lace, hospital, charlson, cms-hcc
RISK_BAND: Final = "urn:careloop:code:risk-band"  # RiskAssessment.prediction.qualitativeRisk: lace-high
PROTOCOL: Final = (
    "urn:careloop:protocol"  # canonical: urn:careloop:protocol:copd|1; code of a DetectedIssue of ours
)
INSTRUMENT: Final = "urn:careloop:instrument"  # canonical: urn:careloop:instrument:phq-9|1
PLAN_CONFLICT: Final = "urn:careloop:code:plan-conflict"  # DetectedIssue.code: a rule of content/conflicts
PLAN_COPY: Final = "urn:careloop:code:plan-copy"  # Communication.category: a copy of the plan was handed over

# Identifier systems
DEDUPE: Final = "urn:careloop:id:dedupe"  # makes a proposed resource unique: same key, same thing
STAFF: Final = "urn:careloop:id:staff"
MEETING: Final = (
    "urn:careloop:id:meeting"  # Task.groupIdentifier: the case review that it stands on the agenda of
)

# Extensions
TARGET: Final = "urn:careloop:ext:target"  # dateTime: the working target, 5 pm in the person's zone
ZONE: Final = "urn:careloop:ext:zone"  # code: the IANA zone the due time was computed in
RULE: Final = "urn:careloop:ext:rule"  # string: rule id and year, "tcm-contact@2026"
SOURCE: Final = "urn:careloop:ext:source"  # string: the sentence that names the source
CLASS: Final = "urn:careloop:ext:class"  # code from WORK_CLASS
WAKE: Final = "urn:careloop:ext:wake"  # dateTime: snoozed until
WAITING: Final = "urn:careloop:ext:waiting-on"  # string: whom we wait for
PROGRAM_EXT: Final = "urn:careloop:ext:program"  # code
PROTECTED: Final = "urn:careloop:ext:protected"  # boolean: never snoozed, undone or declined
BECAUSE: Final = "urn:careloop:ext:because"  # string: why this is here, one sentence
OUTCOME: Final = "urn:careloop:ext:outcome"  # CodeableConcept
MINUTES: Final = "urn:careloop:ext:minutes"  # integer
OWN_WORDS: Final = "urn:careloop:ext:own-words"  # string: in the person's own words
HEARD_FROM: Final = "urn:careloop:ext:heard-from"  # string: who said so
ASKED_IN: Final = "urn:careloop:ext:asked-in"  # code: the language in which questions were asked
INTERPRETED_HOW: Final = "urn:careloop:ext:interpreted-how"  # code: phone, video, present, relative
INTERPRETED_BY: Final = "urn:careloop:ext:interpreter"  # string: who interpreted, or that somebody did
ANSWERED_BY: Final = (
    "urn:careloop:ext:answered-by"  # Reference: whose words an observation is, as Response.source
)
OFFLINE: Final = "urn:careloop:id:offline"  # tag of a response that came from a device: same key, same sheet
SAID_AT: Final = "urn:careloop:ext:said-at"  # dateTime, on an answered item: when this one answer was given
CHANNEL: Final = "urn:careloop:ext:channel"  # code: phone, video, home, office, text, mail
SAFETY: Final = "urn:careloop:ext:safety"  # string shown on the person's card
SAFE_CONTACT: Final = "urn:careloop:ext:safe-contact"  # complex, on a Flag: care/safe_contact.py
DESPITE: Final = "urn:careloop:ext:despite"  # code: a contact in a way that is not safe: asked, happened
LABEL: Final = "urn:careloop:code:label"  # security labels of our own: violence, safety-address, …
REACH: Final = "urn:careloop:ext:reach"  # string: when and how to reach her
ACKNOWLEDGED: Final = "urn:careloop:ext:acknowledged"  # dateTime
DECISION: Final = "urn:careloop:ext:decision"  # code, on a proposed line: accepted, edited, declined
PLAN_BASE: Final = (
    "urn:careloop:ext:plan-base"  # string: the plan and version that a proposal was made against
)
ALREADY: Final = (
    "urn:careloop:ext:already"  # a proposed line that stands in the plan already: line, under, there, says
)
CONFLICT: Final = "urn:careloop:ext:conflict"  # string: what the present plan says against a proposed line
SITE: Final = "urn:careloop:ext:site"  # Reference(Organization)
ELIGIBILITY: Final = "urn:careloop:ext:eligibility"  # complex, on EpisodeOfCare: answer, because, at, by
CONSENT_HOW: Final = "urn:careloop:ext:consent-how"  # code: verbal, written
REFERRER_PHONE: Final = "urn:careloop:ext:referrer-phone"  # string: where whoever referred can be told
RETRY_DAYS: Final = (
    "urn:careloop:ext:retry-days"  # integer: after a try that reached nobody it comes back then
)
ON_INCAPACITY: Final = (
    "urn:careloop:ext:on-incapacity"  # boolean, on Consent: starts when a clinician documents it
)
INCAPACITY: Final = "urn:careloop:ext:incapacity"  # complex, on Consent: since, until, by, document
PLAN_CHANGE: Final = (
    "urn:careloop:ext:plan-change"  # complex, on a plan and its lines: act, line, at, by, because
)
FOLLOWS_FROM: Final = "urn:careloop:ext:follows-from"  # Reference, on a Goal: what it was proposed from
SIGNED_HOW: Final = "urn:careloop:ext:signed-how"  # code, on Provenance: screen, portal, verbal, paper
SIGNED_HASH: Final = (
    "urn:careloop:ext:signed-hash"  # string, on Provenance: sha256 over the versions it names
)
TALK_PART: Final = (
    "urn:careloop:ext:talk-part"  # code, on a payload: known, tried, option, for, against, decision
)
MRN_AUTHORITY: Final = "urn:careloop:ext:mrn-authority"  # uri, on Organization: system of its record numbers
READING_REVIEW: Final = (
    "urn:careloop:ext:reading-review"  # complex, on Observation: decision (confirmed, refuted), at, by, why
)
READING_LIMITS: Final = (
    "urn:careloop:ext:reading-limits"  # complex, on ServiceRequest: low, high, second-low, second-high
)
RISK_RESULT: Final = (
    "urn:careloop:ext:risk"  # complex, on RiskAssessment: value, low, high, band, until, version
)
# complex, on RiskAssessment: id, found, low, high, lacking, lacking-es, source
RISK_PART: Final = "urn:careloop:ext:risk-part"
FROM_RECORD: Final = (
    "urn:careloop:ext:from-record"  # complex, on an item of a response: filled in from source, on
)
PROTOCOL_BRANCH: Final = (
    "urn:careloop:ext:protocol-branch"  # code, on DetectedIssue: which of its branches holds
)
PROTOCOL_NUMBERS: Final = (
    "urn:careloop:ext:protocol-numbers"  # complex, on RequestGroup: her own numbers, by name; off-until
)

# Standard ones we read and write
US_CORE_RACE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
DATA_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
TIMEZONE: Final = "http://hl7.org/fhir/StructureDefinition/timezone"
INTERPRETER: Final = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
PRONOUNS: Final = "http://hl7.org/fhir/StructureDefinition/individual-pronouns"

LOINC: Final = "http://loinc.org"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED: Final = "http://snomed.info/sct"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
DISCHARGE_DISPOSITION: Final = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
HL7_0112: Final = "http://terminology.hl7.org/CodeSystem/v2-0112"
CONDITION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/condition-category"
IDENTIFIER_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
