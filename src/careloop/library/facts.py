"""Facts that content may ask for by name, beside scores, answers and findings, and what each of them is."""

from __future__ import annotations

from collections.abc import Mapping

from careloop.library.reading import Words

FACTS: Mapping[str, Words] = {
    "age": Words("age in years", "edad en años"),
    "sex": Words("recorded sex", "sexo registrado"),
    "days_since_discharge": Words(
        "days since the newest hospital stay ended",
        "días desde que terminó la última estancia en el hospital",
    ),
    "discharged_to": Words("where she went from the hospital", "adónde fue al salir del hospital"),
    "conditions": Words(
        "active diagnoses, as the first three characters of ICD-10-CM",
        "diagnósticos activos: los tres primeros caracteres de CIE-10-MC",
    ),
    "lasting_conditions": Words("how many active diagnoses", "cuántos diagnósticos activos"),
    "coverage": Words("kinds of insurance now", "tipos de seguro ahora"),
    "programs": Words("programs the person is in now", "programas en que está ahora"),
    "referred": Words(
        "somebody referred her to this program", "alguien refirió a la persona a este programa"
    ),
    "has_died": Words("a death was reported", "se informó de su muerte"),
    "clinician_agrees": Words(
        "a clinician wrote that it fits", "un profesional clínico anotó que corresponde"
    ),
}
