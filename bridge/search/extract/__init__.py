"""The text of attachments, taken out of each content once, in a process that has little to spend and nothing to break.

worker ── an open file ──▶ reader ── socket ──▶ child: kinds, then pdf, office, sheet, page, mail, …
(rows of `extracted`)      (limits, kills)      (confined: no network, no other files, little memory and time)
"""
