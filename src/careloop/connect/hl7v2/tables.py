"""HL7 v2 tables -> FHIR codes. Only pairs that mean the same; everything else keeps its own words.

Source: HL7 v2.8.2 chapter 2C (tables 0001, 0002, 0004, 0063, 0131, 0190, 0200, 0201), code systems of FHIR R4.
"""

from __future__ import annotations

from typing import Final

V2: Final = "http://terminology.hl7.org/CodeSystem/v2-"
V3: Final = "http://terminology.hl7.org/CodeSystem/v3-"

# 0004 patient class -> ActCode. R (recurring) is a series of outpatient visits, B (obstetrics) a stay.
PATIENT_CLASS: Final = {"I": "IMP", "E": "EMER", "O": "AMB", "R": "AMB", "B": "IMP", "P": "PRENC"}
CLASS_WORDS: Final = {
    "IMP": "inpatient encounter",
    "EMER": "emergency",
    "AMB": "ambulatory",
    "PRENC": "pre-admission",
    "OBSENC": "observation encounter",
    "SS": "short stay",
    "HH": "home health",
}
GENDER: Final = {
    "M": "male",
    "F": "female",
    "O": "other",
    "A": "other",
    "N": "other",
    "X": "other",
    "U": "unknown",
}
MARITAL: Final = {
    "A": ("L", "Legally Separated"),
    "E": ("L", "Legally Separated"),
    "D": ("D", "Divorced"),
    "I": ("I", "Interlocutory"),
    "M": ("M", "Married"),
    "N": ("A", "Annulled"),
    "P": ("T", "Domestic partner"),
    "S": ("S", "Never Married"),
    "W": ("W", "Widowed"),
}
NAME_USE: Final = {
    "L": "official",
    "D": "usual",
    "N": "nickname",
    "A": "nickname",
    "M": "maiden",
    "B": "maiden",
    "S": "anonymous",
    "T": "temp",
    "BAD": "old",
    "NOUSE": "old",
}
ADDRESS_USE: Final = {
    "H": "home",
    "P": "home",
    "L": "home",
    "M": "home",
    "O": "work",
    "B": "work",
    "C": "temp",
    "V": "temp",
    "BA": "old",
    "BI": "billing",
}
PHONE_USE: Final = {"PRN": "home", "VHN": "temp", "WPN": "work", "BPN": "work", "PRS": "mobile"}
PHONE_SYSTEM: Final = {
    "PH": "phone",
    "CP": "phone",
    "SAT": "phone",
    "FX": "fax",
    "BP": "pager",
    "MD": "other",
}
# 0063 relationship -> v3-RoleCode
RELATION: Final = {
    "SPO": ("SPS", "Spouse"),
    "DOM": ("DOMPART", "Life partner"),
    "CHD": ("CHILD", "Child"),
    "NCH": ("NCHILD", "Natural child"),
    "SCH": ("STPCHLD", "Stepchild"),
    "FCH": ("CHLDFOST", "Foster child"),
    "GCH": ("GRNDCHILD", "Grandchild"),
    "PAR": ("PRN", "Parent"),
    "FTH": ("FTH", "Father"),
    "MTH": ("MTH", "Mother"),
    "GRP": ("GRPRN", "Grandparent"),
    "BRO": ("BRO", "Brother"),
    "SIS": ("SIS", "Sister"),
    "SIB": ("SIB", "Sibling"),
    "EXF": ("EXT", "Extended family"),
    "FND": ("FRND", "Friend"),
    "GRD": ("GUARD", "Guardian"),
}
CONTACT_ROLE: Final = {  # 0131
    "C": "Emergency contact",
    "N": "Next of kin",
    "E": "Employer",
    "F": "Federal agency",
    "I": "Insurance company",
    "S": "State agency",
}
EMERGENCY_WORDS: Final = {"EMC": "C", "EME": "E"}
SUBSCRIBER: Final = {
    "SEL": "self",
    "SLF": "self",
    "01": "self",
    "18": "self",
    "SPO": "spouse",
    "02": "spouse",
    "CHD": "child",
    "NCH": "child",
    "03": "child",
    "PAR": "parent",
    "DOM": "common",
}
CODE_SYSTEM: Final = {  # 0396, as far as diagnoses use it
    "I10": "http://hl7.org/fhir/sid/icd-10-cm",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "I9": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "ICD9": "http://hl7.org/fhir/sid/icd-9-cm",
    "SCT": "http://snomed.info/sct",
    "SNM3": "http://snomed.info/sct",
    "LN": "http://loinc.org",
}
LANGUAGE: Final = {  # ISO 639-2 and words of real feeds -> BCP 47
    "eng": "en",
    "english": "en",
    "spa": "es",
    "spanish": "es",
    "chi": "zh",
    "zho": "zh",
    "chinese": "zh",
    "mandarin": "cmn",
    "cantonese": "yue",
    "vie": "vi",
    "vietnamese": "vi",
    "kor": "ko",
    "korean": "ko",
    "rus": "ru",
    "russian": "ru",
    "ara": "ar",
    "arabic": "ar",
    "fre": "fr",
    "fra": "fr",
    "french": "fr",
    "hat": "ht",
    "haitian creole": "ht",
    "por": "pt",
    "portuguese": "pt",
    "tgl": "tl",
    "tagalog": "tl",
    "pol": "pl",
    "polish": "pl",
    "hin": "hi",
    "ben": "bn",
    "urd": "ur",
    "ger": "de",
    "deu": "de",
    "ita": "it",
    "jpn": "ja",
    "ase": "ase",
}
OMB_RACE: Final = {
    "1002-5": "American Indian or Alaska Native",
    "2028-9": "Asian",
    "2054-5": "Black or African American",
    "2076-8": "Native Hawaiian or Other Pacific Islander",
    "2106-3": "White",
}
OMB_ETHNICITY: Final = {
    "H": ("2135-2", "Hispanic or Latino"),
    "2135-2": ("2135-2", "Hispanic or Latino"),
    "N": ("2186-5", "Not Hispanic or Latino"),
    "NH": ("2186-5", "Not Hispanic or Latino"),
    "2186-5": ("2186-5", "Not Hispanic or Latino"),
}
