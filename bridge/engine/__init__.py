"""Bots at work: from the inbox to questions, from questions to answers, from answers to what is sent."""
