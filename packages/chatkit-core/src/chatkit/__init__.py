"""The backend of chat applications that speak the ChatKit protocol."""
