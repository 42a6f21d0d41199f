"""The tested helpers behind the image-generation course.

Nothing is re-exported here: import a name from the module that owns it, so that the
import line tells the reader where to look.
"""

__version__ = "0.8.0"
