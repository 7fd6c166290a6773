"""The plan on paper, for the person: what stands in it (`copy_of`) and its PDF (`pdf_of`)."""

from careloop.web.plan_pdf.copying import Copy, copy_of
from careloop.web.plan_pdf.making import pdf_of

__all__ = ["Copy", "copy_of", "pdf_of"]
