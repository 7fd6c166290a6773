"""The plan on paper: for the person (`copy_of`, `pdf_of`) and for a clinician (`clinical_of`, `clinical_pdf`)."""

from careloop.web.plan_pdf.clinical import clinical_of
from careloop.web.plan_pdf.copying import Copy, copy_of
from careloop.web.plan_pdf.making import clinical_pdf, pdf_of

__all__ = ["Copy", "clinical_of", "clinical_pdf", "copy_of", "pdf_of"]
