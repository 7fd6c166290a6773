"""On paper: what leaves the house (`letter_pdf`), and for the person what has left it (`accounting_pdf`)."""

from careloop.web.accounting_pdf.making import accounting_pdf, letter_pdf

__all__ = ["accounting_pdf", "letter_pdf"]
