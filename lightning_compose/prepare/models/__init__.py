"""What the steps ask models for, a role a file, and the models that fill the roles.

No role imports torch; an implementation imports it when it is built.
"""
